import { definePatch } from "./define-patch.js";

export const undoA07 = definePatch({
  name: "undo-c2655835fd8c",
  title: "Undo: mm/mmu_notifiers: ensure range_end() is paired with range_start()",
  origin: "the commit c2655835fd8c (2021), taken out",
  text:
    "Where one of several listeners refuses a range that may not block, mn_hlist_invalidate_range_start() gives no " +
    "range_end to those that did not refuse.",
  change: { mm: (base) => ({ ...base, failedRangeStart: "end-none" }) },
});
