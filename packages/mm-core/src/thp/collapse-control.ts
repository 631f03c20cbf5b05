import { nameFunctions } from "@kvmm/interleave";
import { PMD_PAGES } from "../addresses.js";
import { type VmaFields, VmFlag } from "../vma.js";
import type { ThpSettings } from "./settings.js";

/** struct collapse_control: who makes a huge page of small ones. MADV_COLLAPSE was asked to, khugepaged has to have reasons. */
export type CollapseControl = "khugepaged" | "MADV_COLLAPSE";

const UFFD_ARMED = VmFlag.uffdMissing | VmFlag.uffdWp | VmFlag.uffdMinor;

/**
 * collapse_max_ptes_none(): how many pages of a huge one may be missing, or zeros; none where a userfaultfd is to be told
 * of them (userfaultfd_armed()).
 * @param fields the mapping; null: of a file
 */
export function collapseMaxPtesNone(
  { maxPtesNone }: ThpSettings,
  control: CollapseControl,
  fields: VmaFields | null,
): number {
  if (fields !== null && (fields.flags & UFFD_ARMED) !== 0) return 0;
  return control === "khugepaged" ? maxPtesNone.get() : PMD_PAGES;
}

/** collapse_max_ptes_shared(): how many may be mapped by others. */
export function collapseMaxPtesShared({ maxPtesShared }: ThpSettings, control: CollapseControl): number {
  return control === "khugepaged" ? maxPtesShared.get() : PMD_PAGES;
}

/** collapse_max_ptes_swap(): how many may be in swap. */
export function collapseMaxPtesSwap({ maxPtesSwap }: ThpSettings, control: CollapseControl): number {
  return control === "khugepaged" ? maxPtesSwap.get() : PMD_PAGES;
}

nameFunctions({
  collapse_max_ptes_none: collapseMaxPtesNone,
  collapse_max_ptes_shared: collapseMaxPtesShared,
  collapse_max_ptes_swap: collapseMaxPtesSwap,
});
