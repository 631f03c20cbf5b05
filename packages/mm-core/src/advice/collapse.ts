import { type Hva, PMD_SIZE } from "../addresses.js";
import { type Refusal, refuse } from "../errno.js";
import { NotModelled } from "../not-modelled.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";

/** madvise_collapse(), as far as it has nothing to collapse. */
export function madviseCollapse(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  const fn = "madvise_collapse";
  const fields = vma.fields;
  // collapse_possible(), thp_vma_allowable_order()
  const special = VmFlag.nohugepage | VmFlag.hugetlb | VmFlag.pfnmap | VmFlag.dontexpand;
  if ((fields.flags & special) !== 0) return refuse("EINVAL", fn, "the mapping has no transparent huge pages (MADV_NOHUGEPAGE)");
  const aligned = fields.start + ((PMD_SIZE - (fields.start % PMD_SIZE)) % PMD_SIZE);
  if (aligned + PMD_SIZE > fields.end) return refuse("EINVAL", fn, "the mapping holds no aligned 2 MiB");
  if (!isAnonymous(fields) && !fields.file!.inode!.traits.swapbacked) {
    return refuse("EINVAL", fn, `a ${fields.file!.ops.kind} file has no transparent huge pages`);
  }
  if (start + ((PMD_SIZE - (start % PMD_SIZE)) % PMD_SIZE) + PMD_SIZE > end) return undefined;
  throw new NotModelled("madvise(MADV_COLLAPSE) of memory that can be collapsed");
}
