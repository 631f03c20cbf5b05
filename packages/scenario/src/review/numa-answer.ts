import type { ReviewPart, ReviewRow } from "./review.js";

/** The answer to the RFC's question about automatic NUMA balancing, from the rows of a review. */
export interface NumaAnswer {
  /** Under these policies a scan raises a notifier on a guest_memfd-only slot. */
  readonly reached: readonly ReviewRow[];
  readonly notReached: readonly ReviewRow[];
  /** In words, for a kernel developer. */
  readonly text: string;
}

/** When does automatic NUMA balancing reach a slot whose memory comes only from guest_memfd? */
export function numaAnswer({ rows }: ReviewPart): NumaAnswer {
  const numa = rows.filter(({ kind }) => kind === "numa");
  const reached = numa.filter(({ without }) => without.notified > 0);
  const notReached = numa.filter(({ without }) => without.notified === 0);
  const plain = reached.find(
    ({ policy }) => policy?.ofFile === "none" && policy.ofTask === "default" && policy.mode === 1,
  );
  const text =
    plain === undefined
      ? "With no memory policy on the file and the task's default, NUMA balancing does not reach the slot."
      : "No policy is needed on the file: with none, the task's decides, and the default policy of a task migrates on " +
        "fault. A policy of one's own keeps the scan away, unless it has MPOL_F_NUMA_BALANCING. The notifier is raised " +
        "from the first populated upper-level entry on: a mapping that nobody touched is hit if its 1 GiB has a page " +
        "table. And the pages of a guest_memfd never move.";
  return { reached, notReached, text };
}
