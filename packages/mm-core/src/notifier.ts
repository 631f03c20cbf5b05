import { nameFunctions } from "@kvmm/interleave";
import type { Hva } from "./addresses.js";
import type { Refusal } from "./errno.js";
import type { Mm } from "./mm.js";
import type { RangeSite } from "./notifier-sites.js";

/** enum mmu_notifier_event */
export type NotifierEvent =
  | "UNMAP"
  | "CLEAR"
  | "PROTECTION_VMA"
  | "PROTECTION_PAGE"
  | "SOFT_DIRTY"
  | "RELEASE"
  | "MIGRATE"
  | "EXCLUSIVE";

/** struct mmu_notifier_range, with the place that raised it. */
export interface NotifierRange {
  readonly start: Hva;
  /** Exclusive. */
  readonly end: Hva;
  readonly event: NotifierEvent;
  /** The kernel function that raises it. */
  readonly site: string;
  /** mmu_notifier_range_blockable() */
  readonly mayBlock: boolean;
}

/** struct mmu_notifier_ops: what a secondary MMU wants to be told. */
export interface MmuNotifier {
  /** Refuses (-EAGAIN) only where it may not block and would have to. */
  invalidateRangeStart(range: NotifierRange): Refusal | undefined;
  invalidateRangeEnd(range: NotifierRange): void;
  /** @returns whether the secondary MMU had used any page of the range */
  clearFlushYoung(start: Hva, end: Hva, site: string): boolean;
  clearYoung(start: Hva, end: Hva, site: string): boolean;
  testYoung(address: Hva, site: string): boolean;
  /** The address space goes away (exit_mmap). */
  release(): void;
}

/** mmu_notifier_invalidate_range_start(), for ranges that may block: no listener can refuse. */
export function invalidateRangeStart(
  mm: Mm,
  start: Hva,
  end: Hva,
  event: NotifierEvent,
  site: RangeSite,
): NotifierRange {
  const range = { start, end, event, site, mayBlock: true };
  for (const notifier of mm.notifiers.get()) notifier.invalidateRangeStart(range);
  return range;
}

/**
 * mmu_notifier_invalidate_range_start_nonblock(), of the OOM reaper: no listener may sleep, and one that would have to wait refuses. Those
 * whose start went well then get their end here, as the caller will not call it (mn_hlist_invalidate_range_start).
 * In the kernel whoever can refuse has no end; here it is left out.
 */
export function invalidateRangeStartNonblock(
  mm: Mm,
  start: Hva,
  end: Hva,
  event: NotifierEvent,
  site: RangeSite,
): NotifierRange | Refusal {
  const range = { start, end, event, site, mayBlock: false };
  const started: MmuNotifier[] = [];
  let refusal: Refusal | undefined;
  for (const notifier of mm.notifiers.get()) {
    mm.host.nonBlock.readLock();
    const refused = notifier.invalidateRangeStart(range);
    mm.host.nonBlock.readUnlock();
    if (refused === undefined) started.push(notifier);
    else refusal = refused;
  }
  if (refusal === undefined) return range;
  if (mm.host.behaviour.failedRangeStart === "end-those-started") {
    for (const notifier of started) notifier.invalidateRangeEnd(range);
  }
  return refusal;
}

/** mmu_notifier_invalidate_range_end() */
export function invalidateRangeEnd(mm: Mm, range: NotifierRange): void {
  for (const notifier of mm.notifiers.get()) notifier.invalidateRangeEnd(range);
}

nameFunctions({
  mmu_notifier_invalidate_range_start: invalidateRangeStart,
  mmu_notifier_invalidate_range_start_nonblock: invalidateRangeStartNonblock,
  mmu_notifier_invalidate_range_end: invalidateRangeEnd,
});
