import { Arm64Mmu } from "@kvmm/arm64-stage2";
import { type AccessKind, guestAccess } from "@kvmm/kvm-memslots";
import { NotModelled, PAGE_SIZE } from "@kvmm/mm-core";
import { FaultStatusCode, hash32, type ProfilingMemory, type Translation } from "@kvmm/spe-model";
import type { World } from "../run/world.js";

/**
 * The guest's profiling buffer. SPE's writes go through the stage 2 of the VM, which nobody repairs for them: an
 * invalid or read-only entry is a management event in PMBSR_EL1. The guest's own accesses go through the vCPU, whose
 * faults KVM handles (user_mem_abort(), gmem_abort()). The guest maps the buffer at stage 1 all the time. The access
 * flag is no obstacle, as where PMBIDR_EL1.F is 1. What the pages hold is kept by place in the buffer: the model's
 * frames have a word each.
 */
export class GuestBuffer implements ProfilingMemory {
  /** Stage-2 faults that the vCPU took on the buffer. */
  vcpuFaults = 0;
  readonly #mmu: Arm64Mmu;
  readonly #bytes: Uint8Array;
  readonly #faults = new Map<string, number>();
  #isAccessing = false;

  constructor(
    private readonly world: World,
    private readonly base: bigint,
    private readonly gpa: number,
    size: number,
  ) {
    const { mmu } = world.kvm;
    if (!(mmu instanceof Arm64Mmu)) throw new NotModelled("SPE on x86");
    this.#mmu = mmu;
    this.#bytes = new Uint8Array(size);
  }

  /** Stage 1, which is there, and stage 2 as it is. */
  translate(va: bigint): Translation {
    const address = Number(va - this.base);
    const write = this.#mmu.peekWrite(this.gpa + address);
    if (!("fault" in write)) return { kind: "memory", address };
    const { fault, level } = write;
    const name = `${fault} level ${level}`;
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
    return { kind: "fault", reason: "stage2", fsc: FaultStatusCode[fault] + level };
  }

  /** SPE's faults by what PMBSR_EL1 said: `translation level 3`. */
  get faults(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  store(address: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, address);
  }

  /** The guest's kernel writes zeros, page by page. */
  clear(va: bigint, size: number): void {
    const at = Number(va - this.base);
    this.#access(at, size, "write");
    this.#bytes.fill(0, at, at + size);
  }

  /** The guest's perf reads. */
  load(va: bigint, size: number): Uint8Array {
    const at = Number(va - this.base);
    this.#access(at, size, "read");
    return this.#bytes.slice(at, at + size);
  }

  /** The guest writes to every page of the buffer and leaves in it what is there. */
  touch(): void {
    this.#access(0, this.#bytes.length, "write");
  }

  /** The host took the memory itself: the guest finds zeros. */
  lose(): void {
    this.#bytes.fill(0);
  }

  /** Pages that SPE can write to now. */
  mappedPages(): number {
    let pages = 0;
    for (let at = 0; at < this.#bytes.length; at += PAGE_SIZE) {
      if (!("fault" in this.#mmu.peekWrite(this.gpa + at))) pages++;
    }
    return pages;
  }

  /** Between break and make of an entry that maps a part of the buffer, for another reason than the vCPU's own fault. */
  get isBroken(): boolean {
    if (this.#isAccessing) return false;
    for (let at = 0; at < this.#bytes.length; at += PAGE_SIZE) {
      const write = this.#mmu.peekWrite(this.gpa + at);
      if ("fault" in write && write.isBeingReplaced) return true;
    }
    return false;
  }

  /** Gives the frames behind the buffer words that are alike only where their contents are, for ksmd to compare. */
  showContents(): void {
    const { word } = this.world.host.frames;
    for (let at = 0; at < this.#bytes.length; at += PAGE_SIZE) {
      const write = this.#mmu.peekWrite(this.gpa + at);
      if (!("fault" in write)) word.set(write.pa / PAGE_SIZE, this.#contents(at));
    }
  }

  /** Zero for a page of zeros, else a hash of it. */
  #contents(at: number): number {
    let hash = 0;
    for (let byte = at; byte < at + PAGE_SIZE; byte++) {
      if (this.#bytes[byte] !== 0) hash = hash32(hash ^ this.#bytes[byte]!, byte - at);
    }
    return hash;
  }

  #access(at: number, size: number, kind: AccessKind): void {
    this.#isAccessing = true;
    for (let page = at - (at % PAGE_SIZE); page < at + size; page += PAGE_SIZE) {
      const word = kind === "write" ? this.#contents(page) : 0;
      this.vcpuFaults += guestAccess(this.world.vcpu, this.gpa + page, kind, word).faults.length;
    }
    this.#isAccessing = false;
  }
}
