import type { Property } from "./property.js";

/** While it is not so, every fault is tried again, and a change of memslots waits. */
export const noOpenInvalidation: Property = {
  name: "every invalidation that began has ended",
  settled: true,
  broken({ mmuInvalidateInProgress, mnActiveInvalidateCount }) {
    const inProgress = mmuInvalidateInProgress.peek();
    const active = mnActiveInvalidateCount.peek();
    if (inProgress === 0 && active === 0) return undefined;
    return `no notifier is at work, and mmu_invalidate_in_progress is ${inProgress}, mn_active_invalidate_count ${active}`;
  },
};
