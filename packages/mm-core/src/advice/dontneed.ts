import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PMD_SIZE } from "../addresses.js";
import { hex, type Refusal, refuse } from "../errno.js";
import { type Vma, VmFlag } from "../vma.js";
import { freeBatch, zapVmaRangeBatched } from "../zap.js";

/** madvise_dontneed_free_valid_vma() for MADV_DONTNEED and MADV_DONTNEED_LOCKED; a hugetlb range ends at a page's end. */
function validEnd({ fields }: Vma, start: Hva, end: Hva, evenLocked: boolean): Hva | Refusal {
  const fn = "madvise_dontneed_free_valid_vma";
  if ((fields.flags & VmFlag.hugetlb) !== 0) {
    if (start % PMD_SIZE !== 0) return refuse("EINVAL", fn, `${hex(start)} is not aligned to the huge pages`);
    return end - (end % PMD_SIZE);
  }
  const forbidden = VmFlag.pfnmap | (evenLocked ? 0 : VmFlag.locked);
  if ((fields.flags & forbidden) === 0) return end;
  return refuse("EINVAL", fn, `the mapping at ${hex(fields.start)} is locked`, "MADV_DONTNEED_LOCKED");
}

/** madvise_dontneed_single_vma() */
export function dontneed(vma: Vma, start: Hva, end: Hva, evenLocked: boolean): Refusal | undefined {
  const to = validEnd(vma, start, end, evenLocked);
  if (typeof to !== "number") return to;
  freeBatch(vma.mm.host, zapVmaRangeBatched(vma, start, to, {}));
  return undefined;
}

nameFunctions({
  madvise_dontneed_free_valid_vma: validEnd,
  madvise_dontneed_single_vma: dontneed,
});
