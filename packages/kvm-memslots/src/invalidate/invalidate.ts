import { add, nameFunctions } from "@kvmm/interleave";
import { hex } from "@kvmm/mm-core";
import { INVALID_GPA } from "../flags.js";
import type { Kvm } from "../kvm.js";
import type { GfnRange } from "../mmu/gfn-range.js";
import type { Gfn } from "../slots/memslot.js";

/** kvm_mmu_invalidate_start(), under mmu_lock held for writing: from here on no fault may map what it looked up. */
export function mmuInvalidateStart(kvm: Kvm): void {
  if (add(kvm.mmuInvalidateInProgress, 1) === 1) {
    kvm.mmuInvalidateRangeStart.set(INVALID_GPA);
    kvm.mmuInvalidateRangeEnd.set(INVALID_GPA);
  }
}

/**
 * kvm_mmu_invalidate_range_add(), under mmu_lock held for writing: widens the one range that covers everything being
 * invalidated at the moment.
 */
export function mmuInvalidateRangeAdd(kvm: Kvm, start: Gfn, end: Gfn): void {
  if (kvm.mmuInvalidateInProgress.get() === 0) {
    kvm.host.warn("kvm_mmu_invalidate_range_add", "a range is added while nothing is being invalidated");
  }
  const rangeStart = kvm.mmuInvalidateRangeStart.get();
  if (rangeStart === INVALID_GPA) {
    kvm.mmuInvalidateRangeStart.set(start);
    kvm.mmuInvalidateRangeEnd.set(end);
    return;
  }
  kvm.mmuInvalidateRangeStart.set(Math.min(rangeStart, start));
  kvm.mmuInvalidateRangeEnd.set(Math.max(kvm.mmuInvalidateRangeEnd.get(), end));
}

/** kvm_mmu_invalidate_end(), under mmu_lock held for writing. */
export function mmuInvalidateEnd(kvm: Kvm): void {
  const fn = "kvm_mmu_invalidate_end";
  // The sequence first: whoever no longer sees the count must see that something happened.
  add(kvm.mmuInvalidateSeq, 1);
  if (add(kvm.mmuInvalidateInProgress, -1) < 0) {
    kvm.bug(fn, "mmu_invalidate_in_progress fell below 0: an end without a start");
  }
  if (kvm.mmuInvalidateRangeStart.get() === INVALID_GPA) {
    kvm.host.warn(fn, "no range was added between start and end (mmu_invalidate_range_start is INVALID_GPA)");
  }
}

/** kvm_mmu_unmap_gfn_range(): the handler of an invalidation. */
export function mmuUnmapGfnRange(kvm: Kvm, range: GfnRange): boolean {
  mmuInvalidateRangeAdd(kvm, range.start, range.end);
  return kvm.mmu.unmapGfnRange(range);
}

/** mmu_invalidate_retry(), under mmu_lock: may what was looked up since `seq` be stale? Looks at no range (arm64). */
export function mmuInvalidateRetry(kvm: Kvm, seq: number): boolean {
  const fn = "mmu_invalidate_retry";
  if (kvm.mmuInvalidateInProgress.get() !== 0) {
    kvm.store.trace(fn, () => "retry: an invalidation is in progress");
    return true;
  }
  if (kvm.mmuInvalidateSeq.get() === seq) return false;
  kvm.store.trace(fn, () => `retry: an invalidation ended since mmu_invalidate_seq was ${seq}`);
  return true;
}

/** mmu_invalidate_retry_gfn(), under mmu_lock: so, but of the invalidations in progress only those of `gfn` count. */
export function mmuInvalidateRetryGfn(kvm: Kvm, seq: number, gfn: Gfn): boolean {
  const fn = "mmu_invalidate_retry_gfn";
  if (kvm.mmuInvalidateInProgress.get() !== 0) {
    const start = kvm.mmuInvalidateRangeStart.get();
    const end = kvm.mmuInvalidateRangeEnd.get();
    if (start === INVALID_GPA || end === INVALID_GPA) {
      kvm.host.warn(fn, "an invalidation is in progress, but it has no range");
      return true;
    }
    if (gfn >= start && gfn < end) {
      kvm.store.trace(fn, () => `retry: gfn ${hex(gfn)} is being invalidated`);
      return true;
    }
  }
  if (kvm.mmuInvalidateSeq.get() === seq) return false;
  kvm.store.trace(fn, () => `retry: an invalidation ended since mmu_invalidate_seq was ${seq}`);
  return true;
}

nameFunctions({
  kvm_mmu_invalidate_start: mmuInvalidateStart,
  kvm_mmu_invalidate_range_add: mmuInvalidateRangeAdd,
  kvm_mmu_invalidate_end: mmuInvalidateEnd,
  kvm_mmu_unmap_gfn_range: mmuUnmapGfnRange,
  mmu_invalidate_retry: mmuInvalidateRetry,
  mmu_invalidate_retry_gfn: mmuInvalidateRetryGfn,
});
