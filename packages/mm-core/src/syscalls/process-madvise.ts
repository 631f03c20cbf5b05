import type { Hva } from "../addresses.js";
import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import type { Process, Task } from "../task.js";
import { adviseRange, Madv, refuseUnknown } from "./madvise.js";

/** struct iovec */
export interface Iovec {
  readonly base: Hva;
  /** Bytes. */
  readonly length: number;
}

/** UIO_MAXIOV */
const MAX_RANGES = 1024;
/** MAX_RW_COUNT: bytes that one call does at most. */
const MAX_BYTES = 2 ** 31 - 4096;

/** process_madvise_remote_valid(): hints that another process cannot lose contents by. */
const REMOTE: ReadonlySet<number> = new Set([Madv.cold, Madv.pageout, Madv.willneed, Madv.collapse]);

/**
 * process_madvise(2): gives advice about ranges of a process, one after the other, by a caller who may do it
 * (CAP_SYS_NICE). The kernel keeps mmap_lock over all of the ranges; here each takes it for itself.
 * @returns bytes of the ranges that it got through; an error where that is none
 */
export function processMadvise(
  task: Task,
  target: Process,
  ranges: readonly Iovec[],
  advice: number,
  flags: number,
): Result<number> {
  const fn = "process_madvise";
  if (flags !== 0) return refuse("EINVAL", fn, `flags ${hex(flags)}`, "0");
  const imported = importIovec(ranges, task.process.host.taskSize);
  if (isRefusal(imported)) return imported;
  // pidfd_get_task(), mm_access()
  if (target.life.get() === "exited") return refuse("ESRCH", fn, "the process has exited");
  const unknown = refuseUnknown(advice);
  if (unknown !== undefined) return unknown;
  const { mm } = target;
  if (mm !== task.mm && !REMOTE.has(advice)) {
    const allowed = "MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE";
    return refuse("EINVAL", "process_madvise_remote_valid", `advice ${advice} to another process`, allowed);
  }
  // vector_madvise()
  let done = 0;
  for (const { base, length } of imported) {
    const result = adviseRange(task, mm, base, length, advice);
    if (isRefusal(result)) return done > 0 ? done : result;
    done += length;
  }
  return done;
}

/** import_iovec() */
function importIovec(ranges: readonly Iovec[], taskSize: Hva): readonly Iovec[] | Refusal {
  const fn = "import_iovec";
  if (ranges.length > MAX_RANGES)
    return refuse("EINVAL", fn, `${ranges.length} ranges`, `at most ${MAX_RANGES}`);
  const negative = ranges.find(({ length }) => length >= 2 ** 63);
  if (negative !== undefined) return refuse("EINVAL", fn, `length ${hex(negative.length)} is negative`);
  const beyond = ranges.find(({ base, length }) => base + length > taskSize);
  if (beyond !== undefined)
    return refuse("EFAULT", fn, `${hex(beyond.base)} plus ${hex(beyond.length)} is beyond user space`);
  let left = MAX_BYTES;
  return ranges.map(({ base, length }) => {
    const taken = Math.min(length, left);
    left -= taken;
    return { base, length: taken };
  });
}
