import type { RwLock } from "@kvmm/interleave";
import type { Ipa } from "../address.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { Stage2 } from "../stage2.js";

/**
 * stage2_apply_range(): works through `[start, end)` in pieces of the largest block, and lets go of kvm->mmu_lock
 * between them if that is allowed: others may need it, and come in between.
 * @param mmuLock kvm->mmu_lock, held for writing
 * @param apply works on one piece; 0, or a negative errno that ends it all
 */
export function applyRange(
  pgt: Stage2,
  mmuLock: RwLock,
  start: Ipa,
  end: Ipa,
  resched: boolean,
  apply: (addr: Ipa, size: number) => number,
): number {
  const block = largestBlock(pgt);
  for (let addr: number = start; addr < end; ) {
    const next = Math.min(end, (Math.floor(addr / block) + 1) * block);
    const ret = apply(addr as Ipa, next - addr);
    if (ret !== 0) return ret;
    addr = next;
    if (resched && addr !== end) {
      // cond_resched_rwlock_write(): alone nobody waits for it; explored, somebody may.
      mmuLock.writeUnlock();
      mmuLock.writeLock();
    }
  }
  return 0;
}

/** stage2_range_addr_end(): what is done at a time. */
function largestBlock(pgt: Stage2): number {
  const { minBlockLevel, sizes } = pgt.geometry;
  return sizes[Math.min(minBlockLevel, LAST_LEVEL)]!;
}
