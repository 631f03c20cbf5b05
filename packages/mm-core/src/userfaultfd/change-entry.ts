import { type Pte, PteFlag, pteChange, pteHas, ptePresent } from "../pte.js";
import type { VmaFields } from "../vma.js";
import { usesMarkers } from "./context.js";

const OTHER_MARKERS = PteFlag.guard | PteFlag.poisoned;

/** What change_pte_range() and change_softleaf_pte() make of an entry that is none or not present, for a userfaultfd. */
export function changeAbsentEntry(fields: VmaFields, pte: Pte, how: "protect" | "resolve"): Pte {
  if (pte === 0) return how === "protect" && usesMarkers(fields) ? PteFlag.marker | PteFlag.uffdWp : 0;
  if (pteHas(pte, OTHER_MARKERS)) return pte;
  if (how === "protect") return pteChange(pte, PteFlag.uffdWp, 0);
  return pteHas(pte, PteFlag.marker) ? 0 : pteChange(pte, 0, PteFlag.uffdWp);
}

/** The same of a present one whose protection has been brought in line already. */
export function changePresentEntry(pte: Pte, how: "protect" | "resolve"): Pte {
  return how === "protect"
    ? pteChange(pte, PteFlag.uffdWp, PteFlag.write)
    : pteChange(pte, 0, PteFlag.uffdWp);
}

/** pte_uffd_wp(), pte_swp_uffd_wp_any(): is the entry write-protected by a userfaultfd? */
export function isUffdWp(pte: Pte): boolean {
  return pteHas(pte, PteFlag.uffdWp);
}

/** make_uffd_wp_pte() */
export function makeUffdWp(pte: Pte): Pte {
  if (pte === 0) return PteFlag.marker | PteFlag.uffdWp;
  return pteChange(pte, PteFlag.uffdWp, ptePresent(pte) ? PteFlag.write : 0);
}
