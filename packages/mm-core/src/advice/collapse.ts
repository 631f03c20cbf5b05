import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PMD_SIZE } from "../addresses.js";
import { type Errno, type Refusal, refuse } from "../errno.js";
import { NotModelled } from "../not-modelled.js";
import type { Task } from "../task.js";
import { collapseSinglePmd, type ScanResult } from "../thp/collapse.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";

/** madvise_collapse(). Of shared memory, as far as there is nothing to collapse. */
export function madviseCollapse(vma: Vma, start: Hva, end: Hva, task: Task): Refusal | undefined {
  const fn = "madvise_collapse";
  const fields = vma.fields;
  // collapse_possible(), thp_vma_allowable_order()
  const special = VmFlag.nohugepage | VmFlag.hugetlb | VmFlag.pfnmap | VmFlag.dontexpand;
  if ((fields.flags & special) !== 0)
    return refuse("EINVAL", fn, "the mapping has no transparent huge pages (MADV_NOHUGEPAGE)");
  const aligned = fields.start + ((PMD_SIZE - (fields.start % PMD_SIZE)) % PMD_SIZE);
  if (aligned + PMD_SIZE > fields.end) return refuse("EINVAL", fn, "the mapping holds no aligned 2 MiB");
  if (!isAnonymous(fields) && !fields.file!.inode!.traits.swapbacked) {
    return refuse("EINVAL", fn, `a ${fields.file!.ops.kind} file has no transparent huge pages`);
  }
  const first = Math.ceil(start / PMD_SIZE) * PMD_SIZE;
  if (first + PMD_SIZE > end) return undefined;
  if (!isAnonymous(fields)) throw new NotModelled("madvise(MADV_COLLAPSE) of shared memory");
  vma.mm.host.lru.drain();
  let failed: ScanResult | null = null;
  for (let haddr = first; haddr + PMD_SIZE <= end; haddr += PMD_SIZE) {
    const result = collapseSinglePmd(vma, haddr, task);
    if (result === "SCAN_SUCCEED" || result === "SCAN_PMD_MAPPED") continue;
    failed = result;
    if (result === "SCAN_PAGE_ANON" || result === "SCAN_ALLOC_HUGE_PAGE_FAIL") break;
  }
  return failed === null
    ? undefined
    : refuse(errnoOf(failed), fn, `not all of the range could be collapsed: ${failed}`);
}

/** madvise_collapse_errno(): EAGAIN where another attempt may succeed. */
function errnoOf(result: ScanResult): Errno {
  switch (result) {
    case "SCAN_ALLOC_HUGE_PAGE_FAIL":
      return "ENOMEM";
    case "SCAN_PAGE_COUNT":
    case "SCAN_PAGE_LOCK":
    case "SCAN_PAGE_LRU":
      return "EAGAIN";
    default:
      return "EINVAL";
  }
}

nameFunctions({
  madvise_collapse: madviseCollapse,
  madvise_collapse_errno: errnoOf,
});
