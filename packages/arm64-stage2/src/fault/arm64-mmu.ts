import { Cell } from "@kvmm/interleave";
import {
  type AccessKind,
  type ArchTraits,
  arm64PrepareMemoryRegion,
  dirtyLogInitiallySet,
  type Gfn,
  type GfnRange,
  type GuestAccess,
  type Kvm,
  type MemoryRegionChange,
  type Memslot,
  type SecondaryMmu,
  type Vcpu,
} from "@kvmm/kvm-memslots";
import { PAGE_SIZE, type Refusal, type Result, type Task } from "@kvmm/mm-core";
import type { Ipa } from "../address.js";
import { type Arm64Behaviour, arm64v72 } from "../behaviour.js";
import { granuleSize } from "../geometry/geometry.js";
import { decodeVtcr, mmuCacheMinPages } from "../geometry/vtcr.js";
import type { Machine } from "../machine.js";
import { guestCacheOps } from "../mm-ops.js";
import { Stage2 } from "../stage2.js";
import { Local } from "../table/local.js";
import type { MemoryCache } from "../table/memory-cache.js";
import { NO_TLB, tlbFlushVmidRange } from "../tlb.js";
import { applyRange } from "./apply-range.js";
import { destroyTables } from "./destroy.js";
import { enableSplitChunkSize } from "./enable-cap.js";
import { type AccessOptions, guestAccess } from "./guest-abort.js";
import { InstructionCache } from "./instruction-cache.js";
import { KvmMemoryCache } from "./memory-cache.js";
import { type PeekedLeaf, type PeekedWrite, peekLeaf, peekWrite } from "./peek-leaf.js";
import { type PinnedRange, unpinnedParts } from "./pinned-range.js";
import { splitHugePages } from "./split-huge-pages.js";
import { type Arm64Options, ipaLimitOf, traitsOf, vtcrOf } from "./traits.js";
import { UnlinkedTables } from "./unlinked-tables.js";

/** struct kvm_s2_mmu of a VM on arm64, and arch/arm64/kvm/mmu.c on top of it. */
export class Arm64Mmu implements SecondaryMmu {
  readonly traits: ArchTraits;
  readonly pgt: Stage2;
  readonly behaviour: Arm64Behaviour;
  /** kvm_mmu_cache_min_pages(): tables that one fault can need. */
  readonly cacheMinPages: number;
  /** get_kvm_ipa_limit() */
  readonly ipaLimit: number;
  readonly hardwareAccessFlag: boolean;
  /** kvm->arch.mmu.pgt: until the address space or the VM goes. */
  readonly hasTables: Cell<boolean>;
  /** kvm->arch.mmu.split_page_chunk_size: bytes that eager splitting works on at a time; 0: there is none. */
  readonly splitPageChunkSize: Cell<number>;
  /** kvm->arch.mmu.split_page_cache */
  readonly splitPageCache: MemoryCache;
  /** Pages of the guest that are pinned for a device and stay mapped; null where there are none, as in any kernel so far. */
  readonly pinned: Cell<PinnedRange | null>;
  readonly unlinkedTables: UnlinkedTables;
  readonly instructionCache: InstructionCache;
  /** The most that was worked through without letting go of mmu_lock, in bytes, where that was allowed. */
  readonly longestHeld: Local<number>;
  readonly #caches = new WeakMap<Vcpu, MemoryCache>();

  constructor(
    readonly kvm: Kvm,
    type: bigint,
    readonly machine: Machine,
    options: Arm64Options,
  ) {
    const vtcr = vtcrOf(machine, type);
    if (typeof vtcr !== "bigint") throw new RangeError(`VM type ${type} was not checked`);
    const { store, mmuLock } = kvm;
    this.behaviour = options.behaviour ?? arm64v72;
    this.hardwareAccessFlag = options.hardwareAccessFlag ?? true;
    this.ipaLimit = ipaLimitOf(machine);
    this.unlinkedTables = new UnlinkedTables(store);
    this.instructionCache = new InstructionCache(store);
    this.pgt = new Stage2({
      store,
      machine,
      vtcr,
      lock: mmuLock,
      tlb: options.tlb?.(kvm) ?? NO_TLB,
      mm: { ...this.unlinkedTables.ops, ...guestCacheOps(machine, this.instructionCache) },
      behaviour: this.behaviour,
      warn: (text) => kvm.host.warn("stage-2 tables", text),
    });
    this.unlinkedTables.pgt = this.pgt;
    this.pgt.init();
    this.hasTables = new Cell(store, "kvm->arch.mmu.pgt", true, { lock: mmuLock });
    this.splitPageChunkSize = new Cell(store, "kvm->arch.mmu.split_page_chunk_size", 0);
    this.pinned = new Cell<PinnedRange | null>(store, "pages pinned for a device", null, { lock: mmuLock });
    this.splitPageCache = new KvmMemoryCache(kvm, "kvm->arch.mmu.split_page_cache");
    this.longestHeld = new Local(store, "longest work under mmu_lock", 0);
    this.traits = traitsOf(machine, this.pgt.iaBits, () => this.splitPageChunkSize.get());
    this.cacheMinPages = mmuCacheMinPages(decodeVtcr(machine, vtcr));
  }

  vcpuCreate(vcpu: Vcpu): void {
    this.#caches.set(vcpu, new KvmMemoryCache(this.kvm, `vcpu ${vcpu.vcpuId}->arch.mmu_page_cache`));
  }

  /** vcpu->arch.mmu_page_cache */
  cacheOf(vcpu: Vcpu): MemoryCache {
    return this.#caches.get(vcpu)!;
  }

  /** What an entry of the level maps. */
  granuleOf(level: number): number {
    return granuleSize(this.pgt.geometry, level);
  }

  /** Work of so many bytes was done under mmu_lock in one go. */
  noteHeld(size: number): void {
    if (size > this.longestHeld.get()) this.longestHeld.set(size);
  }

  /** kvm_unmap_gfn_range(). The tables flush what they have to themselves. */
  unmapGfnRange(range: GfnRange): boolean {
    if (!this.hasTables.get()) return false;
    const resched = range.mayBlock || this.behaviour.unmapResched === "always";
    for (const [start, end] of unpinnedParts(range, this.pinned.get()))
      this.#unmap(at(start), at(end), resched);
    return false;
  }

  /** __unmap_stage2_range() */
  #unmap(start: Ipa, end: Ipa, resched: boolean): void {
    const ret = applyRange(this, start, end, resched, (addr, size) => this.pgt.unmap(addr, size));
    if (ret !== 0) this.kvm.host.warn("__unmap_stage2_range", `stage2_apply_range() failed: ${ret}`);
  }

  /** kvm_age_gfn() */
  ageGfn(range: GfnRange): boolean {
    return this.#age(range, true);
  }

  /** kvm_test_age_gfn() */
  testAgeGfn(range: GfnRange): boolean {
    return this.#age(range, false);
  }

  #age(range: GfnRange, mkold: boolean): boolean {
    if (!this.hasTables.get()) return false;
    return this.pgt.testClearYoung(at(range.start), (range.end - range.start) * PAGE_SIZE, mkold);
  }

  /** kvm_arch_flush_remote_tlbs() */
  flushRemoteTlbs(): void {
    this.pgt.tlb.flushVmid();
  }

  /** kvm_arch_flush_remote_tlbs_range() */
  flushRemoteTlbsRange(gfn: Gfn, npages: number): void {
    tlbFlushVmidRange(this.machine, this.pgt.tlb, at(gfn), npages * PAGE_SIZE);
  }

  /** kvm_arch_flush_shadow_memslot() */
  flushShadowMemslot(slot: Memslot): void {
    const { mmuLock } = this.kvm;
    mmuLock.writeLock();
    this.#unmap(at(slot.baseGfn), at(slot.endGfn), true);
    mmuLock.writeUnlock();
  }

  /** kvm_arch_flush_shadow_all(), kvm_uninit_stage2_mmu() */
  flushShadowAll(): void {
    const { mmuLock } = this.kvm;
    // kvm_free_stage2_pgd(): from here on nobody finds the tables, and they are freed without the lock.
    mmuLock.writeLock();
    const present = this.hasTables.get();
    if (present) this.hasTables.set(false);
    mmuLock.writeUnlock();
    if (present) destroyTables(this);
    this.splitPageCache.free();
  }

  guestMemoryReclaimed(): void {}

  prepareMemoryRegion(
    task: Task,
    _old: Memslot | null,
    now: Memslot | null,
    change: MemoryRegionChange,
  ): Refusal | undefined {
    return arm64PrepareMemoryRegion(task, now, change, this.traits.ipaBits);
  }

  /**
   * kvm_arch_commit_memory_region(): where logging begins, write-protects all of the memslot, and splits its blocks if
   * that is done eagerly; unless every page counts as dirty at first, for then KVM_CLEAR_DIRTY_LOG does both.
   */
  commitMemoryRegion(_old: Memslot | null, now: Memslot | null, change: MemoryRegionChange): void {
    if (now === null || !now.tracksDirty) {
      this.splitPageCache.free();
      return;
    }
    if (change === "delete" || dirtyLogInitiallySet(this.kvm)) return;
    const { mmuLock } = this.kvm;
    const start = at(now.baseGfn);
    const end = at(now.endGfn);
    // kvm_mmu_wp_memory_region()
    mmuLock.writeLock();
    this.#wpRange(start, end);
    mmuLock.writeUnlock();
    this.flushRemoteTlbsRange(now.baseGfn, now.npages);
    // kvm_mmu_split_memory_region()
    mmuLock.writeLock();
    splitHugePages(this, start, end);
    mmuLock.writeUnlock();
  }

  /** kvm_stage2_wp_range() */
  #wpRange(start: Ipa, end: Ipa): void {
    applyRange(this, start, end, true, (addr, size) => this.pgt.wrprotect(addr, size));
  }

  /**
   * kvm_arch_mmu_enable_log_dirty_pt_masked(): from the first to the last page of the mask; what lies between them is
   * protected with them. Blocks were split when logging began, unless every page was dirty then.
   */
  enableLogDirty(slot: Memslot, pages: readonly number[]): void {
    const first = pages[0];
    const last = pages[pages.length - 1];
    if (first === undefined || last === undefined) return;
    const start = at(slot.baseGfn + first);
    const end = at(slot.baseGfn + last + 1);
    this.#wpRange(start, end);
    if (dirtyLogInitiallySet(this.kvm)) splitHugePages(this, start, end);
  }

  syncDirtyLog(_slot: Memslot): void {}

  /** kvm_vm_ioctl_enable_cap() */
  enableCap(cap: string, args: readonly bigint[]): Result<0> {
    return enableSplitChunkSize(this, cap, args);
  }

  /** What stage 2 has for a guest physical address, as it is; not an access. */
  peekLeaf(gpa: number): PeekedLeaf | null {
    return peekLeaf(this.pgt, gpa as Ipa);
  }

  /** Where a write to a guest physical address would end, as it is; not an access. */
  peekWrite(gpa: number): PeekedWrite {
    return peekWrite(this.pgt, gpa as Ipa);
  }

  access(vcpu: Vcpu, gpa: number, kind: AccessKind, value: number, options: AccessOptions = {}): GuestAccess {
    return guestAccess(this, vcpu, gpa as Ipa, kind, value, options);
  }
}

function at(gfn: Gfn): Ipa {
  return (gfn * PAGE_SIZE) as Ipa;
}
