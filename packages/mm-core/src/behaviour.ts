/**
 * The decisions of the host's memory management that differ between kernel versions, or that a patch may change.
 * Each names the kernel function that takes it.
 */
export interface MmBehaviour {
  /**
   * vma_policy_mof(): where a VMA has no policy of its own, does the task's decide (and the default policy of a task
   * lets NUMA balancing migrate)?
   */
  readonly policyFallsBackToTask: boolean;
  /**
   * mn_hlist_invalidate_range_start(), where one of several listeners refuses a range that may not block: do those that
   * did not refuse get their range_end (since c2655835fd8c), or none?
   */
  readonly failedRangeStart: "end-those-started" | "end-none";
  /** try_to_unmap(): the function that takes a poisoned page of hugetlb out of a mapping, under a notifier of its own. */
  readonly poisonedHugetlbSite: "try_to_unmap_one" | "try_to_unmap_poisoned_hugetlb_one";
}

/** Linux 7.2 */
export const mm72: MmBehaviour = {
  policyFallsBackToTask: true,
  failedRangeStart: "end-those-started",
  poisonedHugetlbSite: "try_to_unmap_one",
};

/** What of Linux 7.3's mm the model has: all else is 7.2's. */
export const mm73: MmBehaviour = { ...mm72, poisonedHugetlbSite: "try_to_unmap_poisoned_hugetlb_one" };
