import { type Hva, PAGE_SIZE } from "../addresses.js";
import { hex, type Result, refuse } from "../errno.js";
import { getUserPage } from "../gup.js";
import { leafAt, leafPage } from "../leaf.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas } from "../pte.js";
import type { Task } from "../task.js";

/** The pages that a page's worth of bytes from `source` lies in: one, or two where it is not aligned. */
function sourcePages(source: Hva): readonly Hva[] {
  const first = source - (source % PAGE_SIZE);
  return first === source ? [first] : [first, first + PAGE_SIZE];
}

/** copy_from_user() with page faults disabled; null: it takes one. Of a page only the first word is known. */
export function wordWithoutFaults(task: Task, source: Hva): number | null {
  const { mm } = task;
  const { frames } = mm.host;
  let word = 0;
  for (const page of sourcePages(source)) {
    const leaf = leafAt(mm, page);
    if (leaf === null || !pteHas(leaf.pte, PteFlag.valid)) return null;
    const pfn = leafPage(leaf, page);
    if (frames.test(pfn, PageFlag.hwpoison)) return null;
    if (page === source) word = frames.word.get(pfn);
  }
  return word;
}

/** copy_from_user() */
export function wordWithFaults(task: Task, source: Hva): Result<number> {
  const { frames } = task.process.host;
  let word = 0;
  for (const page of sourcePages(source)) {
    const pfn = getUserPage(task, page, { write: false, honorNumaFault: true });
    if (typeof pfn !== "number") {
      return refuse(
        pfn === "EINTR" ? "EINTR" : "EFAULT",
        "mfill_copy_folio_retry",
        `the source at ${hex(page)} cannot be read`,
      );
    }
    if (page === source) word = frames.word.get(pfn);
    frames.put(pfn);
  }
  return word;
}
