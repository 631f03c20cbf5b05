import { type Hva, PUD_SIZE } from "../addresses.js";
import { type VmaFields, VmFlag } from "../vma.js";

/**
 * adjust_range_if_pmd_sharing_possible(): the range of a notifier covers whatever shared page tables could map: all of
 * the 1 GiB that it touches, of a shared mapping that has such. (The model itself shares no tables.)
 */
export function adjustRangeIfPmdSharingPossible(
  { flags, start: vmaStart, end: vmaEnd }: VmaFields,
  start: Hva,
  end: Hva,
): { readonly start: Hva; readonly end: Hva } {
  const first = Math.ceil(vmaStart / PUD_SIZE) * PUD_SIZE;
  const last = Math.floor(vmaEnd / PUD_SIZE) * PUD_SIZE;
  if ((flags & VmFlag.mayShare) === 0 || last <= first || end <= first || start >= last)
    return { start, end };
  return {
    start: start > first ? Math.floor(start / PUD_SIZE) * PUD_SIZE : start,
    end: end < last ? Math.ceil(end / PUD_SIZE) * PUD_SIZE : end,
  };
}
