import { nameFunctions } from "@kvmm/interleave";
import type { Ipa } from "../address.js";
import { EINVAL } from "../errno.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/**
 * stage2_apply_range(): works through `[start, end)` in pieces of the largest block, and lets go of kvm->mmu_lock
 * between them if that is allowed: others may need it, and come in between. Under mmu_lock, held for writing.
 * @param apply works on one piece; 0, or a negative errno that ends it all
 */
export function applyRange(
  mmu: Arm64Mmu,
  start: Ipa,
  end: Ipa,
  resched: boolean,
  apply: (addr: Ipa, size: number) => number,
): number {
  const { kvm } = mmu;
  const step = stepOf(mmu);
  let lockDropped = false;
  for (let addr: number = start; addr < end; ) {
    // Teardown may have come in between.
    if (!mmu.hasTables.get()) return lockDropped ? 0 : -EINVAL;
    const next = rangeAddrEnd(addr, end, step);
    const ret = apply(addr as Ipa, next - addr);
    if (ret !== 0) return ret;
    if (resched) mmu.noteHeld(next - addr);
    addr = next;
    if (resched && addr !== end) {
      // cond_resched_rwlock_write(): alone nobody waits for it; explored, somebody may.
      kvm.mmuLock.writeUnlock();
      kvm.store.held.mightSleep("reschedules in stage2_apply_range()");
      kvm.mmuLock.writeLock();
      lockDropped = true;
    }
  }
  return 0;
}

/** __stage2_range_addr_end(): the next multiple of `size`, or the end. */
export function rangeAddrEnd(addr: number, end: number, size: number): number {
  return Math.min(end, (Math.floor(addr / size) + 1) * size);
}

/** The largest block: what KVM works on at a time. */
export function largestBlock({ pgt }: Arm64Mmu): number {
  const { minBlockLevel, sizes } = pgt.geometry;
  return sizes[Math.min(minBlockLevel, LAST_LEVEL)]!;
}

function stepOf(mmu: Arm64Mmu): number {
  if (mmu.behaviour.applyRangeStep === "largest-block") return largestBlock(mmu);
  return mmu.pgt.geometry.sizes[mmu.pgt.startLevel]!;
}

nameFunctions({
  stage2_apply_range: applyRange,
});
