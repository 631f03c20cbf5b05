import { AGAIN, repeat, Shared, Sparse } from "@kvmm/interleave";
import {
  isRefusal,
  type OpenFile,
  PAGE_SIZE,
  type Pfn,
  type Refusal,
  refuse,
  type Task,
} from "@kvmm/mm-core";
import { markPageDirtyInSlot } from "../dirty/mark-page-dirty.js";
import { type Architecture, onlyTypeZero } from "../files/kvm-module.js";
import type { Vcpu } from "../files/vcpu.js";
import { gmemGetPfn } from "../guest-memfd/get-pfn.js";
import { mmuInvalidateRetryGfn } from "../invalidate/invalidate.js";
import type { Kvm } from "../kvm.js";
import { dirtyLogInitiallySet } from "../dirty/dirty-log-modes.js";
import type { Gfn, Memslot } from "../slots/memslot.js";
import { useFrame } from "../use-after-free.js";
import { arm64PrepareMemoryRegion } from "./arm64-memory-region.js";
import { faultinPfn, type PfnError, releaseFaultinPage } from "./faultin.js";
import type { AccessKind, GuestAccess, GuestExit, GuestFault } from "./guest-access.js";
import type { GfnRange } from "./gfn-range.js";
import type { ArchTraits, MemoryRegionChange, SecondaryMmu } from "./secondary-mmu.js";

export interface ReferenceMmuOptions {
  /**
   * Whose configuration and refusals it has. x86 has pfncaches, and takes a fault on an invalid memslot again; on
   * arm64 that is an access to a device. Both have one address space: x86's second one, for SMM, is left out.
   */
  readonly arch?: "arm64" | "x86";
  readonly traits?: Partial<ArchTraits>;
}

const ARM64: ArchTraits = {
  addressSpaces: 1,
  internalSlots: 0,
  readonlyMem: true,
  pfnCache: false,
  locklessAging: false,
  elideTlbFlushIfYoung: false,
  gmemInitShared: true,
  ipaBits: 40,
  preFaultMemory: false,
  extensions: { KVM_CAP_READONLY_MEM: 1 },
};

const X86: ArchTraits = {
  ...ARM64,
  internalSlots: 3,
  pfnCache: true,
  locklessAging: true,
  elideTlbFlushIfYoung: true,
  ipaBits: 52,
};

/** An architecture that is as plain as it can be, for using this package alone. */
export function referenceArchitecture(options: ReferenceMmuOptions = {}): Architecture {
  return {
    name: "reference",
    traits: traitsOf(options),
    checkVmType: (type) => onlyTypeZero("kvm_arch_init_vm", type),
    createMmu: (kvm) => new ReferenceMmu(kvm, options),
  };
}

function traitsOf({ arch, traits }: ReferenceMmuOptions): ArchTraits {
  return { ...(arch === "x86" ? X86 : ARM64), ...traits };
}

const WRITABLE = 1;

/**
 * A plain secondary MMU: a map from gfn to page and permission, without levels, without TLBs, and with an accessed
 * bit that the hardware sets. Its faults go by mmu_invalidate_retry_gfn(), as x86's do, under mmu_lock held for
 * writing.
 */
export class ReferenceMmu extends Shared implements SecondaryMmu {
  readonly traits: ArchTraits;
  /** By gfn: twice the pfn, plus 1 if the guest may write. The hardware reads it without mmu_lock. */
  readonly sptes: Sparse;
  /** By gfn: 1 once the guest used it. */
  readonly accessed: Sparse;
  readonly #arch: "arm64" | "x86";

  constructor(
    readonly kvm: Kvm,
    options: ReferenceMmuOptions = {},
  ) {
    super(kvm.store, "reference MMU");
    this.#arch = options.arch ?? "arm64";
    this.traits = traitsOf(options);
    this.sptes = new Sparse(kvm.store, "spte", { lock: kvm.mmuLock, lockless: true });
    this.accessed = new Sparse(kvm.store, "accessed bit");
  }

  /** What a gfn is mapped to, as it is; not an access. */
  peek(gfn: Gfn): { readonly pfn: Pfn; readonly writable: boolean } | null {
    const spte = this.sptes.at(gfn);
    return spte === 0 ? null : { pfn: Math.floor(spte / 2), writable: spte % 2 === WRITABLE };
  }

  vcpuCreate(): void {}

  unmapGfnRange({ start, end }: GfnRange): boolean {
    return this.#zap(start, end);
  }

  #zap(start: Gfn, end: Gfn): boolean {
    let zapped = false;
    for (let gfn = this.sptes.next(start, end); gfn >= 0; gfn = this.sptes.next(gfn + 1, end)) {
      this.sptes.set(gfn, 0);
      zapped = true;
    }
    return zapped;
  }

  ageGfn({ start, end }: GfnRange): boolean {
    let young = false;
    for (let gfn = this.accessed.next(start, end); gfn >= 0; gfn = this.accessed.next(gfn + 1, end)) {
      this.accessed.set(gfn, 0);
      young = true;
    }
    return young;
  }

  testAgeGfn({ start, end }: GfnRange): boolean {
    return this.accessed.next(start, end) >= 0;
  }

  /** Nothing is cached: an unmapped page is unmapped at once. */
  flushRemoteTlbs(): void {}

  flushRemoteTlbsRange(): void {}

  flushShadowMemslot(slot: Memslot): void {
    this.kvm.mmuLock.writeLock();
    this.#zap(slot.baseGfn, slot.endGfn);
    this.kvm.mmuLock.writeUnlock();
  }

  flushShadowAll(): void {
    this.kvm.mmuLock.writeLock();
    this.#zap(0, Number.MAX_SAFE_INTEGER);
    this.kvm.mmuLock.writeUnlock();
  }

  guestMemoryReclaimed(): void {}

  prepareMemoryRegion(
    task: Task,
    _old: Memslot | null,
    now: Memslot | null,
    change: MemoryRegionChange,
  ): Refusal | undefined {
    const { ipaBits } = this.traits;
    if (this.#arch === "arm64") return arm64PrepareMemoryRegion(task, now, change, ipaBits);
    if ((change === "create" || change === "move") && now!.endGfn > 2 ** ipaBits / PAGE_SIZE) {
      return refuse(
        "EINVAL",
        "kvm_arch_prepare_memory_region",
        `${now} is beyond ${ipaBits} bits of address`,
      );
    }
    return undefined;
  }

  commitMemoryRegion(_old: Memslot | null, now: Memslot | null, change: MemoryRegionChange): void {
    if (change === "delete" || !now!.tracksDirty || dirtyLogInitiallySet(this.kvm)) return;
    this.kvm.mmuLock.writeLock();
    this.#writeProtect(now!.baseGfn, now!.endGfn);
    this.kvm.mmuLock.writeUnlock();
  }

  enableLogDirty(slot: Memslot, pages: readonly number[]): void {
    this.#writeProtect(slot.baseGfn + pages[0]!, slot.baseGfn + pages.at(-1)! + 1);
  }

  #writeProtect(start: Gfn, end: Gfn): void {
    for (let gfn = this.sptes.next(start, end); gfn >= 0; gfn = this.sptes.next(gfn + 1, end)) {
      const spte = this.sptes.get(gfn);
      this.sptes.set(gfn, spte - (spte % 2));
    }
  }

  syncDirtyLog(): void {}

  access(vcpu: Vcpu, gpa: number, kind: AccessKind, value: number): GuestAccess {
    const gfn = Math.floor(gpa / PAGE_SIZE);
    const faults: GuestFault[] = [];
    for (;;) {
      // Rounds that end in -EAGAIN leave nothing behind; those that mapped something are told apart by their fault.
      const round = repeat(this.store, "guest access", () => {
        const seen = this.#hardware(gfn, kind, value);
        if (typeof seen === "number") return { value: seen };
        const outcome = this.#fault(vcpu, gfn, kind);
        return outcome === "EAGAIN" ? AGAIN : { kind: seen, exit: outcome };
      });
      if ("value" in round) return { faults, value: round.value };
      faults.push({ access: kind, kind: round.kind });
      if (round.exit !== undefined) return { faults, exit: round.exit };
    }
  }

  /** What the hardware does, in one step: walks, and reads or writes the page, or faults. */
  #hardware(gfn: Gfn, kind: AccessKind, value: number): number | "translation" | "permission" {
    const { host } = this.kvm;
    return this.store.atomic(`guest ${kind}`, () => {
      const spte = this.sptes.get(gfn);
      if (spte === 0) return "translation";
      if (kind === "write" && spte % 2 !== WRITABLE) return "permission";
      const pfn = Math.floor(spte / 2);
      useFrame(host, pfn, "the guest");
      this.accessed.set(gfn, 1);
      if (kind !== "write") return host.frames.word.get(pfn);
      host.frames.word.set(pfn, value);
      return value;
    });
  }

  /** @returns why KVM_RUN returns; "EAGAIN": the fault is taken again; undefined: the page is mapped now */
  #fault(vcpu: Vcpu, gfn: Gfn, kind: AccessKind): GuestExit | "EAGAIN" | undefined {
    const { kvm } = this;
    const puts: OpenFile[] = [];
    const idx = kvm.srcu.readLock();
    const outcome = this.#faultInSlot(vcpu, kvm.gfnToMemslot(gfn), gfn, kind === "write", puts);
    kvm.srcu.readUnlock(idx);
    for (const file of puts) file.put();
    return outcome;
  }

  #faultInSlot(
    vcpu: Vcpu,
    slot: Memslot | null,
    gfn: Gfn,
    write: boolean,
    puts: OpenFile[],
  ): GuestExit | "EAGAIN" | undefined {
    const { kvm } = this;
    if (slot === null) return { reason: "KVM_EXIT_MMIO" };
    if (slot.isInvalid) return this.#arch === "x86" ? "EAGAIN" : { reason: "KVM_EXIT_MMIO" };

    const seq = kvm.mmuInvalidateSeq.get();
    let pfn: Pfn;
    let writable = true;
    if (slot.hasGmem) {
      const page = gmemGetPfn(kvm, vcpu.task, slot, gfn, puts);
      if (isRefusal(page)) return { reason: "KVM_EXIT_MEMORY_FAULT", errno: page.errno };
      pfn = page;
    } else {
      const page = faultinPfn(kvm, vcpu.task, slot, gfn, write);
      if (typeof page === "string") return exitFor(page);
      ({ pfn, writable } = page);
    }

    kvm.mmuLock.writeLock();
    const stale = mmuInvalidateRetryGfn(kvm, seq, gfn);
    // A read must not let writes of a page through that is to be logged.
    const mapWritable = writable && (write || !slot.tracksDirty);
    if (!stale) {
      this.sptes.set(gfn, 2 * pfn + (mapWritable ? WRITABLE : 0));
      this.accessed.set(gfn, 1);
    }
    releaseFaultinPage(kvm, pfn, stale, writable);
    kvm.mmuLock.writeUnlock();
    if (stale) return "EAGAIN";
    if (mapWritable) markPageDirtyInSlot(slot, gfn);
    return undefined;
  }

  override restore(): void {}
}

function exitFor(error: PfnError): GuestExit {
  switch (error) {
    case "KVM_PFN_NOSLOT":
    case "KVM_PFN_ERR_RO_FAULT":
      return { reason: "KVM_EXIT_MMIO" };
    case "KVM_PFN_ERR_SIGPENDING":
      return { reason: "KVM_EXIT_INTR", errno: "EINTR" };
    case "KVM_PFN_ERR_HWPOISON":
      return { signal: "SIGBUS", code: "BUS_MCEERR_AR" };
    case "KVM_PFN_ERR_FAULT":
      return { errno: "EFAULT" };
  }
}
