import type { Pfn } from "../addresses.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, type Pte, PteFlag } from "../pte.js";
import type { VmaFields } from "../vma.js";

/** make_huge_pte(): never writable unless asked for, whatever the mapping's protection. */
export function makeHugePte(fields: VmaFields, folio: Pfn, tryWrite: boolean): Pte {
  const writable = tryWrite && maybeWrite(fields) !== 0 ? PteFlag.write | PteFlag.dirty : 0;
  return mkPte(folio, (pageProt(fields) & ~PteFlag.write) | writable | PteFlag.young | PteFlag.leaf);
}
