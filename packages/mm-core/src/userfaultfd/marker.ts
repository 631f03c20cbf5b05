import { type Pte, PteFlag } from "../pte.js";

const KIND = PteFlag.marker | PteFlag.guard | PteFlag.poisoned | PteFlag.uffdWp;

/** pte_is_uffd_marker(): nothing but a note of a userfaultfd: of its write protection, or of UFFDIO_POISON. */
export function isUffdMarker(pte: Pte): boolean {
  const kind = pte & KIND;
  return kind === (PteFlag.marker | PteFlag.uffdWp) || kind === POISONED_MARKER;
}

/** make_pte_marker(PTE_MARKER_POISONED): whoever touches the address is told of a memory error. */
export const POISONED_MARKER = PteFlag.marker | PteFlag.poisoned;
