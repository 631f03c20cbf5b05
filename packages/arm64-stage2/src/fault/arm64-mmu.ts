import type { Store } from "@kvmm/interleave";
import {
  type AccessKind,
  type Architecture,
  type ArchTraits,
  arm64PrepareMemoryRegion,
  type Gfn,
  type GfnRange,
  type GuestAccess,
  type Kvm,
  type Memslot,
  type MemoryRegionChange,
  type SecondaryMmu,
  type Vcpu,
} from "@kvmm/kvm-memslots";
import { PAGE_SIZE, type Refusal, type Result, refuse, type Task } from "@kvmm/mm-core";
import type { Ipa } from "../address.js";
import { type Arm64Behaviour, arm64v72 } from "../behaviour.js";
import { granuleSize } from "../geometry/geometry.js";
import { initIpaRange, setIpaLimit } from "../geometry/ipa-limit.js";
import { mmuCacheMinPages, decodeVtcr } from "../geometry/vtcr.js";
import { type Machine, machine } from "../machine.js";
import { Stage2 } from "../stage2.js";
import { MemoryCache } from "../table/memory-cache.js";
import { applyRange } from "./apply-range.js";
import { guestAccess } from "./guest-abort.js";
import { type PeekedLeaf, peekLeaf } from "./peek-leaf.js";

export interface Arm64Options {
  /** Features of the machine; default: the recorded one. */
  readonly machine?: Machine;
  /** FEAT_HAFDBS for stage 2: the hardware sets the access flag. Default true. */
  readonly hardwareAccessFlag?: boolean;
  readonly behaviour?: Arm64Behaviour;
}

/** ID_AA64MMFR0_EL1.PARange and ID_AA64MMFR1_EL1.VMIDBits of the recorded machine: 52 bits of IPA, 16 of VMID. */
const MMFR0 = 6n;
const MMFR1 = 2n << 4n;

/** kvm_init_ipa_range(), on that machine: VTCR_EL2, or a negative errno. */
function vtcrOf(features: Machine, type: bigint): bigint | number {
  return initIpaRange(features, setIpaLimit(features, MMFR0), Number(type), MMFR0, MMFR1);
}

const TRAITS: Omit<ArchTraits, "ipaBits"> = {
  addressSpaces: 1,
  internalSlots: 0,
  readonlyMem: true,
  pfnCache: false,
  locklessAging: false,
  elideTlbFlushIfYoung: false,
  gmemInitShared: true,
  preFaultMemory: false,
  extensions: {},
};

/** KVM on arm64, as a {@link SecondaryMmu} per VM: give it to a `KvmModule`. */
export function arm64(options: Arm64Options = {}): Architecture {
  const features = options.machine ?? recordedMachine;
  return {
    name: "arm64",
    traits: { ...TRAITS, ipaBits: 40 },
    checkVmType(type: bigint): Result<0> {
      const vtcr = vtcrOf(features, type);
      return typeof vtcr === "bigint" ? 0 : refuse("EINVAL", "kvm_init_ipa_range", `VM type ${type} asks for no possible IPA size`);
    },
    createMmu: (kvm, type) => new Arm64Mmu(kvm, type, features, options),
  };
}

/** The CPU on which the recordings were made (FORMAT.md). */
export const recordedMachine: Machine = machine({ fwb: true, xnx: true, tlbRange: true, lpa2: true, pa52: true, dic: false });

/** struct kvm_s2_mmu of a VM on arm64, and arch/arm64/kvm/mmu.c on top of it. */
export class Arm64Mmu implements SecondaryMmu {
  readonly traits: ArchTraits;
  readonly pgt: Stage2;
  readonly behaviour: Arm64Behaviour;
  /** kvm_mmu_cache_min_pages(): tables that one fault can need. */
  readonly cacheMinPages: number;
  readonly hardwareAccessFlag: boolean;
  readonly #store: Store;
  readonly #caches = new WeakMap<Vcpu, MemoryCache>();

  constructor(
    readonly kvm: Kvm,
    type: bigint,
    readonly machine: Machine,
    options: Arm64Options,
  ) {
    const vtcr = vtcrOf(machine, type);
    if (typeof vtcr !== "bigint") throw new RangeError(`VM type ${type} was not checked`);
    this.#store = kvm.store;
    this.behaviour = options.behaviour ?? arm64v72;
    this.hardwareAccessFlag = options.hardwareAccessFlag ?? true;
    this.pgt = new Stage2({
      store: kvm.store,
      machine,
      vtcr,
      lock: kvm.mmuLock,
      warn: (text) => kvm.host.warn("stage-2 tables", text),
    });
    this.pgt.init();
    this.traits = { ...TRAITS, ipaBits: this.pgt.iaBits };
    this.cacheMinPages = mmuCacheMinPages(decodeVtcr(machine, vtcr));
  }

  vcpuCreate(vcpu: Vcpu): void {
    this.#caches.set(vcpu, new MemoryCache(this.#store, `vcpu ${vcpu.vcpuId}->arch.mmu_page_cache`));
  }

  /** vcpu->arch.mmu_page_cache */
  cacheOf(vcpu: Vcpu): MemoryCache {
    return this.#caches.get(vcpu)!;
  }

  /** kvm_vcpu_trap_get_perm_fault_granule(): what an entry of the level maps. */
  granuleOf(level: number): number {
    return granuleSize(this.pgt.geometry, level);
  }

  /** kvm_unmap_gfn_range(). The tables flush what they have to themselves. */
  unmapGfnRange(range: GfnRange): boolean {
    const { pgt, kvm } = this;
    if (pgt.pgd.get() === null) return false;
    const ret = applyRange(pgt, kvm.mmuLock, at(range.start), at(range.end), range.mayBlock, (addr, size) =>
      pgt.unmap(addr, size),
    );
    if (ret !== 0) kvm.host.warn("__unmap_stage2_range", `stage2_apply_range() failed: ${ret}`);
    return false;
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
    if (this.pgt.pgd.get() === null) return false;
    return this.pgt.testClearYoung(at(range.start), (range.end - range.start) * PAGE_SIZE, mkold);
  }

  /** kvm_arch_flush_remote_tlbs(). There is no TLB between the guest and the tables. */
  flushRemoteTlbs(): void {}

  flushRemoteTlbsRange(_gfn: Gfn, _npages: number): void {}

  /** kvm_arch_flush_shadow_memslot() */
  flushShadowMemslot(slot: Memslot): void {
    const { kvm, pgt } = this;
    kvm.mmuLock.writeLock();
    applyRange(pgt, kvm.mmuLock, at(slot.baseGfn), at(slot.endGfn), true, (addr, size) => pgt.unmap(addr, size));
    kvm.mmuLock.writeUnlock();
  }

  /** kvm_arch_flush_shadow_all(), kvm_uninit_stage2_mmu(): the tables go. */
  flushShadowAll(): void {
    const { kvm, pgt } = this;
    kvm.mmuLock.writeLock();
    const present = pgt.pgd.get() !== null;
    if (present) pgt.destroy();
    kvm.mmuLock.writeUnlock();
  }

  guestMemoryReclaimed(): void {}

  prepareMemoryRegion(task: Task, _old: Memslot | null, now: Memslot | null, change: MemoryRegionChange): Refusal | undefined {
    return arm64PrepareMemoryRegion(task, now, change, this.traits.ipaBits);
  }

  /** kvm_arch_commit_memory_region() */
  commitMemoryRegion(_old: Memslot | null, now: Memslot | null, change: MemoryRegionChange): void {
    if (now === null || !now.tracksDirty || change === "delete") return;
    const { kvm, pgt } = this;
    // kvm_mmu_wp_memory_region()
    kvm.mmuLock.writeLock();
    applyRange(pgt, kvm.mmuLock, at(now.baseGfn), at(now.endGfn), true, (addr, size) => pgt.wrprotect(addr, size));
    kvm.mmuLock.writeUnlock();
  }

  /** kvm_arch_mmu_enable_log_dirty_pt_masked() */
  enableLogDirty(slot: Memslot, pages: readonly number[]): void {
    const first = pages[0];
    const last = pages[pages.length - 1];
    if (first === undefined || last === undefined) return;
    const { kvm, pgt } = this;
    applyRange(pgt, kvm.mmuLock, at(slot.baseGfn + first), at(slot.baseGfn + last + 1), true, (addr, size) =>
      pgt.wrprotect(addr, size),
    );
  }

  syncDirtyLog(_slot: Memslot): void {}

  /** What stage 2 has for a guest physical address, as it is; not an access. */
  peekLeaf(gpa: number): PeekedLeaf | null {
    return peekLeaf(this.pgt, gpa as Ipa);
  }

  access(vcpu: Vcpu, gpa: number, kind: AccessKind, value: number): GuestAccess {
    return guestAccess(this, vcpu, gpa as Ipa, kind, value);
  }
}

function at(gfn: Gfn): Ipa {
  return (gfn * PAGE_SIZE) as Ipa;
}
