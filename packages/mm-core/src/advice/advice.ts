import type { Hva } from "../addresses.js";
import type { Refusal } from "../errno.js";
import type { Task } from "../task.js";
import type { Vma } from "../vma.js";

/** One advice of madvise: what it does to `[start, end)` of one mapping. */
export interface Advice {
  /** Changes the mapping: needs mmap_lock for writing. */
  readonly changesMapping: boolean;
  /** is_discard(): throws contents away, which a sealed mapping may forbid. */
  readonly discards?: boolean;
  /** Called with mmap_lock, which it may drop and take again. */
  readonly apply: (vma: Vma, start: Hva, end: Hva, task: Task) => Refusal | undefined;
}
