import type { Host } from "./host.js";
import { type Pte, PteFlag, pteHas, ptePfn } from "./pte.js";

/** How an entry that is not present fares when its range is zapped. */
export interface NonpresentZap {
  /** Private pages stay (unmap_mapping_range of a file). */
  readonly keepCows: boolean;
  /** ZAP_FLAG_DROP_MARKER: the mapping itself goes, and its notes with it. */
  readonly dropMarkers: boolean;
  readonly isAnonymous: boolean;
}

/** zap_nonpresent_ptes(): lets go of what the entry stands for. @returns is the entry to be cleared? */
export function zapNonpresent(
  host: Host,
  pte: Pte,
  { keepCows, dropMarkers, isAnonymous }: NonpresentZap,
): boolean {
  if (pteHas(pte, PteFlag.swap)) {
    if (keepCows) return false;
    host.swap.put(ptePfn(pte));
    return true;
  }
  if (pteHas(pte, PteFlag.poisoned)) return !keepCows;
  if (!pteHas(pte, PteFlag.marker)) return true;
  if (pteHas(pte, PteFlag.guard)) return dropMarkers;
  return isAnonymous || dropMarkers;
}
