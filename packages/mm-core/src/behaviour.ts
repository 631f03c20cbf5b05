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
}

/** Linux 7.2 */
export const mm72: MmBehaviour = {
  policyFallsBackToTask: true,
  failedRangeStart: "end-those-started",
};
