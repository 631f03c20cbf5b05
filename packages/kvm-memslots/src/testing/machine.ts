import { Store, type TraceEvent } from "@kvmm/interleave";
import { Host, isRefusal, MapFlag, mmap, PAGE_SIZE, Prot, type Result, Task } from "@kvmm/mm-core";
import {
  createVcpu,
  GUEST_MEMFD_FLAG_INIT_SHARED,
  GUEST_MEMFD_FLAG_MMAP,
  gmemCreate,
  KVM_MEM_GUEST_MEMFD,
  type Kvm,
  type KvmBehaviour,
  KvmModule,
  kvm72,
  type ReferenceMmu,
  referenceArchitecture,
  setMemoryRegion2,
  type U64,
  type UserMemoryRegion,
  type Vcpu,
} from "../index.js";

/** Where tests put memory. */
export const RAM = 0x2000_0000_0000;
export const GPA = 0x8000_0000;
export const GFN = GPA / PAGE_SIZE;

/** A result that is expected to be none of the refusals. */
export function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

/** A host with a VMM, and its VM on the reference MMU. */
export class Machine {
  readonly store = new Store();
  readonly host: Host;
  readonly task: Task;
  readonly kvm: Kvm;
  readonly mmu: ReferenceMmu;
  readonly vcpu: Vcpu;
  /** What the model said that it decided. */
  readonly trace: TraceEvent[] = [];

  /** @param type of the VM, as KVM_CREATE_VM takes it */
  constructor(behaviour: KvmBehaviour = kvm72, arch: "arm64" | "x86" = "arm64", type: U64 = 0) {
    this.host = new Host(this.store);
    this.task = this.host.spawn("vmm");
    this.#makeTryGetAtomic();
    const module = new KvmModule(this.host, { architecture: referenceArchitecture({ arch }), behaviour });
    this.kvm = ok(module.createVm(this.task, type));
    this.mmu = this.kvm.mmu as ReferenceMmu;
    this.vcpu = ok(createVcpu(this.kvm, this.task, 0));
    this.store.onTrace = (event) => this.trace.push(event);
  }

  /** folio_try_get() is one access in the kernel. */
  #makeTryGetAtomic(): void {
    const { frames } = this.host;
    frames.tryGet = (pfn) =>
      this.store.atomic("folio_try_get", () => {
        const folio = frames.folio(pfn);
        return frames.refcount.get(folio) !== 0 && frames.refcount.add(folio, 1) > 0;
      });
  }

  /** Another thread of the VMM. */
  thread(name: string): Task {
    return new Task(this.task.process, name, this.task.pid + 1, 0);
  }

  /** Anonymous memory. */
  anon(addr: number, npages: number): number {
    const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
    const prot = Prot.read | Prot.write;
    return ok(mmap(this.task, { addr, length: npages * PAGE_SIZE, prot, flags, fd: -1, offset: 0 }));
  }

  /** A guest_memfd that the VMM may map and touch. */
  gmem(npages: number, flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED): number {
    return ok(gmemCreate(this.kvm, this.task, { size: npages * PAGE_SIZE, flags }));
  }

  /** A mapping of a file. */
  map(addr: number, npages: number, fd: number): number {
    const flags = MapFlag.shared | MapFlag.fixed;
    const prot = Prot.read | Prot.write;
    return ok(mmap(this.task, { addr, length: npages * PAGE_SIZE, prot, flags, fd, offset: 0 }));
  }

  /** A memslot; by default slot 0, at {@link GPA}, of 4 pages at {@link RAM}. */
  set(region: Partial<UserMemoryRegion> = {}): Result<0> {
    return setMemoryRegion2(this.kvm, this.task, {
      slot: 0,
      guestPhysAddr: GPA,
      memorySize: 4 * PAGE_SIZE,
      userspaceAddr: RAM,
      ...region,
    });
  }

  /** A memslot whose memory is only that of a guest_memfd, which is mapped at its user address. */
  gmemSlot(npages = 4): number {
    const fd = this.gmem(npages);
    this.map(RAM, npages, fd);
    ok(this.set({ flags: KVM_MEM_GUEST_MEMFD, memorySize: npages * PAGE_SIZE, guestMemfd: fd }));
    return fd;
  }

  /** The kernel's warnings, without their functions. */
  get warnings(): string[] {
    return this.host.warnings.peek().map((warning) => `${warning.fn}: ${warning.text}`);
  }
}
