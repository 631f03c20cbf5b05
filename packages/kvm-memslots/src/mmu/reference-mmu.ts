import { AGAIN, repeat, Shared, Sparse } from "@kvmm/interleave";
import {
  hex,
  isRefusal,
  type OpenFile,
  PAGE_SIZE,
  type Pfn,
  type Refusal,
  type Result,
  refuse,
  type Task,
} from "@kvmm/mm-core";
import { isPrivateGfn } from "../attributes/memory-attributes.js";
import { dirtyLogInitiallySet } from "../dirty/dirty-log-modes.js";
import { markPageDirtyInSlot } from "../dirty/mark-page-dirty.js";
import { type Architecture, onlyTypeZero } from "../files/kvm-module.js";
import type { Vcpu } from "../files/vcpu.js";
import { KVM_DIRTY_RING_MAX_BYTES, KVM_X86_DEFAULT_VM, KVM_X86_SW_PROTECTED_VM } from "../flags.js";
import { gmemGetPfn } from "../guest-memfd/get-pfn.js";
import { mmuInvalidateRetryGfn } from "../invalidate/invalidate.js";
import type { Kvm } from "../kvm.js";
import type { Gfn, Memslot } from "../slots/memslot.js";
import { useFrame } from "../use-after-free.js";
import { arm64PrepareMemoryRegion } from "./arm64-memory-region.js";
import { faultinPfn, type PfnError, releaseFaultinPage } from "./faultin.js";
import type { GfnRange } from "./gfn-range.js";
import type { AccessKind, GuestAccess, GuestExit, GuestFault } from "./guest-access.js";
import { enableMte } from "./mte-copy-tags.js";
import type { ArchTraits, MemoryRegionChange, SecondaryMmu } from "./secondary-mmu.js";

export interface ReferenceMmuOptions {
  /**
   * Whose configuration and refusals it has. x86 has pfncaches, memory attributes and KVM_PRE_FAULT_MEMORY, and takes
   * a fault on an invalid memslot again; on arm64 that is an access to a device. x86's second address space, for SMM,
   * takes memslots, but no vCPU is ever in it.
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
  unknownVmIoctl: "EINVAL",
  topByteIgnore: true,
  taskSizeMax: 2 ** 52,
  maxVcpus: 512,
  maxVcpuIds: 512,
  ipaBits: 40,
  preFaultMemory: false,
  extensions: {
    KVM_CAP_READONLY_MEM: 1,
    KVM_CAP_DIRTY_LOG_RING_ACQ_REL: KVM_DIRTY_RING_MAX_BYTES,
    KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP: 1,
  },
};

const X86: ArchTraits = {
  ...ARM64,
  internalSlots: 3,
  pfnCache: true,
  locklessAging: true,
  elideTlbFlushIfYoung: true,
  unknownVmIoctl: "ENOTTY",
  topByteIgnore: false,
  // With four levels of page tables; the last page is left out.
  taskSizeMax: 2 ** 47 - PAGE_SIZE,
  maxVcpus: 1024,
  maxVcpuIds: 4096,
  ipaBits: 52,
  addressSpaces: 2,
  preFaultMemory: true,
  memoryAttributes: true,
  extensions: {
    KVM_CAP_READONLY_MEM: 1,
    KVM_CAP_PRE_FAULT_MEMORY: 1,
    KVM_CAP_MEMORY_FAULT_INFO: 1,
    KVM_CAP_VM_TYPES: 0b11,
    KVM_CAP_DIRTY_LOG_RING: KVM_DIRTY_RING_MAX_BYTES,
    KVM_CAP_DIRTY_LOG_RING_ACQ_REL: KVM_DIRTY_RING_MAX_BYTES,
  },
};

/** What a VM of type KVM_X86_SW_PROTECTED_VM has: private memory, and no SMM. */
const X86_PROTECTED: Partial<ArchTraits> = { addressSpaces: 1, privateMem: true, gmemInitShared: false };

/** An architecture that is as plain as it can be, for using this package alone. */
export function referenceArchitecture(options: ReferenceMmuOptions = {}): Architecture {
  return {
    name: "reference",
    traits: traitsOf(options),
    checkVmType: (type) => checkVmType(options, type),
    createMmu: (kvm, type) => new ReferenceMmu(kvm, options, type),
  };
}

/** kvm_arch_init_vm(). x86 with SEV or TDX has more types. */
function checkVmType({ arch }: ReferenceMmuOptions, type: bigint): Result<0> {
  const fn = "kvm_arch_init_vm";
  if (arch !== "x86") return onlyTypeZero(fn, type);
  if (type === KVM_X86_DEFAULT_VM || type === KVM_X86_SW_PROTECTED_VM) return 0;
  return refuse("EINVAL", fn, `VM type ${type}`, "0 (KVM_X86_DEFAULT_VM) or 1 (KVM_X86_SW_PROTECTED_VM)");
}

function traitsOf({ arch, traits }: ReferenceMmuOptions): ArchTraits {
  return { ...(arch === "x86" ? X86 : ARM64), ...traits };
}

const WRITABLE = 1;

/** kvm_mmu_prepare_memory_fault_exit() */
const MEMORY_FAULT: GuestExit = { reason: "KVM_EXIT_MEMORY_FAULT", errno: "EFAULT" };

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
    type = KVM_X86_DEFAULT_VM,
  ) {
    super(kvm.store, "reference MMU");
    this.#arch = options.arch ?? "arm64";
    const isProtected = this.#arch === "x86" && type === KVM_X86_SW_PROTECTED_VM;
    this.traits = { ...traitsOf(options), ...(isProtected ? X86_PROTECTED : {}) };
    this.sptes = new Sparse(kvm.store, "spte", { lock: kvm.mmuLock, lockless: true });
    this.accessed = new Sparse(kvm.store, "accessed bit");
  }

  /** What a gfn is mapped to, as it is; not an access. */
  peek(gfn: Gfn): { readonly pfn: Pfn; readonly writable: boolean } | null {
    const spte = this.sptes.at(gfn);
    return spte === 0 ? null : { pfn: Math.floor(spte / 2), writable: spte % 2 === WRITABLE };
  }

  vcpuCreate(): void {}

  unmapGfnRange({ slot, start, end }: GfnRange): boolean {
    return slot.asId === 0 && this.#zap(start, end);
  }

  /** What is to be private must not be read as shared any more, nor the other way round. */
  preSetMemoryAttributes(range: GfnRange): boolean {
    return this.unmapGfnRange(range);
  }

  #zap(start: Gfn, end: Gfn): boolean {
    let zapped = false;
    for (let gfn = this.sptes.next(start, end); gfn >= 0; gfn = this.sptes.next(gfn + 1, end)) {
      this.sptes.set(gfn, 0);
      zapped = true;
    }
    return zapped;
  }

  ageGfn({ slot, start, end }: GfnRange): boolean {
    let young = false;
    if (slot.asId !== 0) return young;
    for (let gfn = this.accessed.next(start, end); gfn >= 0; gfn = this.accessed.next(gfn + 1, end)) {
      this.accessed.set(gfn, 0);
      young = true;
    }
    return young;
  }

  testAgeGfn({ slot, start, end }: GfnRange): boolean {
    return slot.asId === 0 && this.accessed.next(start, end) >= 0;
  }

  /** Nothing is cached: an unmapped page is unmapped at once. */
  flushRemoteTlbs(): void {}

  flushRemoteTlbsRange(): void {}

  flushShadowMemslot(slot: Memslot): void {
    if (slot.asId !== 0) return;
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
    if (this.#arch === "arm64") {
      return arm64PrepareMemoryRegion(task, now, change, ipaBits, this.kvm.mteEnabled.get());
    }
    if ((change === "create" || change === "move") && now!.endGfn > 2 ** ipaBits / PAGE_SIZE) {
      return refuse(
        "EINVAL",
        "kvm_arch_prepare_memory_region",
        `${now} is beyond ${ipaBits} bits of address`,
        `ranges that end at or below ${hex(2 ** ipaBits)}`,
      );
    }
    return undefined;
  }

  commitMemoryRegion(_old: Memslot | null, now: Memslot | null, change: MemoryRegionChange): void {
    if (change === "delete" || !now!.tracksDirty || now!.asId !== 0 || dirtyLogInitiallySet(this.kvm)) return;
    this.kvm.mmuLock.writeLock();
    this.#writeProtect(now!.baseGfn, now!.endGfn);
    this.kvm.mmuLock.writeUnlock();
  }

  enableLogDirty(slot: Memslot, pages: readonly number[]): void {
    if (slot.asId !== 0) return;
    this.#writeProtect(slot.baseGfn + pages[0]!, slot.baseGfn + pages.at(-1)! + 1);
  }

  #writeProtect(start: Gfn, end: Gfn): void {
    for (let gfn = this.sptes.next(start, end); gfn >= 0; gfn = this.sptes.next(gfn + 1, end)) {
      const spte = this.sptes.get(gfn);
      this.sptes.set(gfn, spte - (spte % 2));
    }
  }

  syncDirtyLog(): void {}

  enableCap(cap: string): Result<0> {
    if (cap === "KVM_CAP_ARM_MTE" && this.traits.mte === true) return enableMte(this.kvm);
    return refuse(
      "EINVAL",
      "kvm_vm_ioctl_enable_cap",
      `${cap} cannot be enabled`,
      "KVM_CAP_ARM_MTE, where the machine has MTE",
    );
  }

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

  preFaultMemory(vcpu: Vcpu, gpa: number, puts: OpenFile[]): Result<number> {
    const fn = "kvm_tdp_page_prefault";
    const gfn = Math.floor(gpa / PAGE_SIZE);
    const outcome = repeat(this.store, fn, () => {
      const slot = this.kvm.gfnToMemslot(gfn);
      // Whoever publishes a memslot as invalid waits for this SRCU section.
      if (slot?.isInvalid)
        return refuse(
          "EAGAIN",
          "kvm_mmu_faultin_pfn",
          `${slot} is being deleted or moved`,
          "the same once more",
        );
      const exit = this.#faultInSlot(vcpu, slot, gfn, false, puts);
      return exit === "EAGAIN" ? AGAIN : exit;
    });
    if (outcome === undefined) return PAGE_SIZE - (gpa % PAGE_SIZE);
    if (isRefusal(outcome)) return outcome;
    if (outcome.reason === "KVM_EXIT_MMIO") {
      return refuse("ENOENT", fn, `no memslot at gpa ${hex(gpa)}`, "guest physical addresses of a memslot");
    }
    if (outcome.signal !== undefined) return PAGE_SIZE - (gpa % PAGE_SIZE);
    return refuse(
      outcome.errno ?? "EFAULT",
      "kvm_mmu_faultin_pfn",
      `no page for gpa ${hex(gpa)}`,
      "a memslot with memory behind it",
    );
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
    // kvm_mmu_page_fault(): in a VM of this type it is KVM that says which accesses are private ones.
    const isPrivate = this.traits.privateMem === true && isPrivateGfn(kvm, gfn);
    if (slot === null) return isPrivate ? MEMORY_FAULT : { reason: "KVM_EXIT_MMIO" };
    if (slot.isInvalid) return this.#arch === "x86" ? "EAGAIN" : { reason: "KVM_EXIT_MMIO" };

    const seq = kvm.mmuInvalidateSeq.get();
    // It may have changed since; a change that comes later is seen by the sequence.
    if (this.traits.privateMem === true && isPrivateGfn(kvm, gfn) !== isPrivate) return MEMORY_FAULT;
    let pfn: Pfn;
    let writable = true;
    if (isPrivate || slot.isGmemOnly) {
      if (!slot.hasGmem) return MEMORY_FAULT;
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
      return { waits: "userfaultfd" };
    case "KVM_PFN_ERR_HWPOISON":
      return { signal: "SIGBUS", code: "BUS_MCEERR_AR" };
    case "KVM_PFN_ERR_FAULT":
      return { errno: "EFAULT" };
  }
}
