import { add, nameFunctions } from "@kvmm/interleave";
import type { Hva, NotifierRange } from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import type { GfnRange } from "../mmu/gfn-range.js";
import { gpcInvalidateStart } from "../pfncache/invalidate.js";
import { handleHvaRange } from "./hva-range.js";
import { mmuInvalidateEnd, mmuInvalidateStart, mmuUnmapGfnRange } from "./invalidate.js";

/**
 * kvm_mmu_notifier_invalidate_range_start(). A memslot update must not come between start and end, or the two would
 * count for different memslots: mn_active_invalidate_count holds it up.
 */
export function notifierInvalidateRangeStart(kvm: Kvm, range: NotifierRange): void {
  if (!kvm.store.task?.isReplaying) kvm.observer?.unmapHvaRange(range);
  kvm.mnInvalidateLock.lock();
  add(kvm.mnActiveInvalidateCount, 1);
  kvm.mnInvalidateLock.unlock();

  // Before mmu_lock, which is why a cache has to look at mn_active_invalidate_count.
  if (kvm.mmu.traits.pfnCache) gpcInvalidateStart(kvm, range.start, range.end);

  const { foundMemslot } = handleHvaRange(kvm, {
    start: range.start,
    end: range.end,
    walk: "invalidate",
    handler: mmuUnmapGfnRange,
    onLock: mmuInvalidateStart,
    flushOnRet: true,
    mayBlock: range.mayBlock,
    lockless: false,
    event: range.event,
  });
  if (foundMemslot) kvm.mmu.guestMemoryReclaimed();
}

/** kvm_mmu_notifier_invalidate_range_end() */
export function notifierInvalidateRangeEnd(kvm: Kvm, range: NotifierRange): void {
  handleHvaRange(kvm, {
    start: range.start,
    end: range.end,
    walk: "invalidate",
    handler: null,
    onLock: mmuInvalidateEnd,
    flushOnRet: false,
    mayBlock: range.mayBlock,
    lockless: false,
  });

  const { gpcSequence, gpcSequenceRaised } = kvm.behaviour;
  kvm.mnInvalidateLock.lock();
  if (gpcSequence === "gpc_invalidate_seq" && gpcSequenceRaised === "before-count")
    add(kvm.gpcInvalidateSeq, 1);
  let count = kvm.mnActiveInvalidateCount.get();
  if (count === 0) {
    kvm.host.warn(
      "kvm_mmu_notifier_invalidate_range_end",
      "mn_active_invalidate_count is 0: an end without a start",
    );
  } else {
    count--;
    kvm.mnActiveInvalidateCount.set(count);
  }
  if (gpcSequence === "gpc_invalidate_seq" && gpcSequenceRaised === "after-count")
    add(kvm.gpcInvalidateSeq, 1);
  kvm.mnInvalidateLock.unlock();

  // At most one waits: it holds slots_lock.
  if (count === 0) kvm.mnMemslotsUpdateRcuwait.wake();
}

/** kvm_mmu_notifier_clear_flush_young() */
export function clearFlushYoung(kvm: Kvm, start: Hva, end: Hva, site: string): boolean {
  if (!kvm.store.task?.isReplaying) kvm.observer?.ageHva(start, end, site);
  return ageHvaRange(kvm, start, end, ageGfn, !kvm.mmu.traits.elideTlbFlushIfYoung);
}

/** kvm_mmu_notifier_clear_young(): flushes nothing. */
export function clearYoung(kvm: Kvm, start: Hva, end: Hva, site: string): boolean {
  if (!kvm.store.task?.isReplaying) kvm.observer?.ageHva(start, end, site);
  return ageHvaRange(kvm, start, end, ageGfn, false);
}

/** kvm_mmu_notifier_test_young() */
export function testYoung(kvm: Kvm, address: Hva, site: string): boolean {
  if (!kvm.store.task?.isReplaying) kvm.observer?.testAgeHva(address, site);
  return ageHvaRange(kvm, address, address + 1, testAgeGfn, false);
}

/** kvm_mmu_notifier_release(): the address space goes away, and with it everything that the guest maps. */
export function notifierRelease(kvm: Kvm): void {
  const idx = kvm.srcu.readLock();
  kvm.mmu.flushShadowAll();
  kvm.mmu.guestMemoryReclaimed();
  kvm.srcu.readUnlock(idx);
}

/** kvm_age_hva_range() */
function ageHvaRange(
  kvm: Kvm,
  start: Hva,
  end: Hva,
  handler: (kvm: Kvm, range: GfnRange) => boolean,
  flushOnRet: boolean,
): boolean {
  return handleHvaRange(kvm, {
    start,
    end,
    walk: "age",
    handler,
    onLock: null,
    flushOnRet,
    mayBlock: false,
    lockless: kvm.mmu.traits.locklessAging,
  }).ret;
}

function ageGfn(kvm: Kvm, range: GfnRange): boolean {
  return kvm.mmu.ageGfn(range);
}

function testAgeGfn(kvm: Kvm, range: GfnRange): boolean {
  return kvm.mmu.testAgeGfn(range);
}

nameFunctions({
  kvm_mmu_notifier_invalidate_range_start: notifierInvalidateRangeStart,
  kvm_mmu_notifier_invalidate_range_end: notifierInvalidateRangeEnd,
  kvm_mmu_notifier_clear_flush_young: clearFlushYoung,
  kvm_mmu_notifier_clear_young: clearYoung,
  kvm_mmu_notifier_test_young: testYoung,
  kvm_mmu_notifier_release: notifierRelease,
  kvm_age_hva_range: ageHvaRange,
});
