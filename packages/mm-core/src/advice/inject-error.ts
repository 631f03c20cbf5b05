import { nameFunctions } from "@kvmm/interleave";
import type { Hva } from "../addresses.js";
import { PAGE_SIZE } from "../addresses.js";
import { isRefusal, type Result, refuse } from "../errno.js";
import { getUserPage } from "../gup.js";
import { memoryFailure, softOfflinePage } from "../memory-failure.js";
import type { Task } from "../task.js";

/** madvise_inject_error(): MADV_HWPOISON, and MADV_SOFT_OFFLINE with `soft`. */
export function injectError(task: Task, start: Hva, end: Hva, soft: boolean): Result<0> {
  const { host } = task.process;
  for (let at = start; at < end; ) {
    const page = getUserPage(task, at, { write: false });
    if (typeof page === "string")
      return refuse("EFAULT", "madvise_inject_error", `the page at ${at.toString(16)} cannot be had`);
    // A large page is dealt with once: the rest of it is another page afterwards.
    const size = host.frames.pagesOf(page) * PAGE_SIZE;
    const result = soft ? softOfflinePage(host, page) : memoryFailure(host, page);
    if (isRefusal(result)) return result;
    at += size;
  }
  return 0;
}

nameFunctions({
  madvise_inject_error: injectError,
});
