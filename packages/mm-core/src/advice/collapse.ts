import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PMD_SIZE } from "../addresses.js";
import { type Errno, type Refusal, refuse } from "../errno.js";
import type { Task } from "../task.js";
import { thpVmaForcedCollapse } from "../thp/allowable.js";
import { collapseSinglePmd, hugepageVmaRevalidate } from "../thp/collapse.js";
import type { ScanResult } from "../thp/scan-result.js";
import type { Vma } from "../vma.js";

/** madvise_collapse() */
export function madviseCollapse(vma: Vma, start: Hva, end: Hva, task: Task): Refusal | undefined {
  const fn = "madvise_collapse";
  const impossible = thpVmaForcedCollapse(vma);
  if (impossible !== null) return refuse("EINVAL", fn, impossible);
  const first = Math.ceil(start / PMD_SIZE) * PMD_SIZE;
  let last = Math.floor(end / PMD_SIZE) * PMD_SIZE;
  if (first >= last) return undefined;
  vma.mm.host.lru.drain();
  let failed: ScanResult = "SCAN_FAIL";
  let collapsed = 0;
  let current: Vma = vma;
  for (let haddr = first; haddr < last; haddr += PMD_SIZE) {
    if (haddr > first) {
      const found = hugepageVmaRevalidate(vma.mm, haddr, "MADV_COLLAPSE");
      if (typeof found === "string") {
        failed = found;
        break;
      }
      current = found;
      last = Math.min(last, Math.floor(current.fields.end / PMD_SIZE) * PMD_SIZE);
    }
    const result = collapseSinglePmd(current, haddr, task, "MADV_COLLAPSE");
    if (result === "SCAN_SUCCEED" || result === "SCAN_PMD_MAPPED") collapsed++;
    else {
      failed = result;
      if (!GOES_ON.has(result)) break;
    }
  }
  return collapsed === (last - first) / PMD_SIZE
    ? undefined
    : refuse(errnoOf(failed), fn, `not all of the range could be collapsed: ${failed}`);
}

/** After these, the rest of the range is tried. */
const GOES_ON: ReadonlySet<ScanResult> = new Set<ScanResult>([
  "SCAN_NO_PTE_TABLE",
  "SCAN_PTE_NON_PRESENT",
  "SCAN_PTE_UFFD_WP",
  "SCAN_LACK_REFERENCED_PAGE",
  "SCAN_PAGE_NULL",
  "SCAN_PAGE_COUNT",
  "SCAN_PAGE_LOCK",
  "SCAN_PAGE_COMPOUND",
  "SCAN_PAGE_LRU",
  "SCAN_DEL_PAGE_LRU",
]);

/** madvise_collapse_errno(): EAGAIN where another attempt may succeed. */
function errnoOf(result: ScanResult): Errno {
  switch (result) {
    case "SCAN_ALLOC_HUGE_PAGE_FAIL":
      return "ENOMEM";
    case "SCAN_EXCEED_NONE_PTE":
      return "EBUSY";
    case "SCAN_PAGE_COUNT":
    case "SCAN_PAGE_LOCK":
    case "SCAN_PAGE_LRU":
    case "SCAN_DEL_PAGE_LRU":
    case "SCAN_PAGE_FILLED":
      return "EAGAIN";
    default:
      return "EINVAL";
  }
}

nameFunctions({
  madvise_collapse: madviseCollapse,
  madvise_collapse_errno: errnoOf,
});
