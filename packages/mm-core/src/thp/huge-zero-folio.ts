import { nameFunctions } from "@kvmm/interleave";
import type { Node, Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";
import { type Pte, PteFlag } from "../pte.js";

/** mm_get_huge_zero_folio(): the 2 MiB of zeros that reads of untouched memory map. Null when memory is exhausted. */
export function getHugeZeroFolio(host: Host, node: Node): Pfn | null {
  const present = host.hugeZeroFolio.get();
  if (present !== 0) return present;
  const { frames } = host;
  const folio = frames.alloc(node, null, 9);
  if (folio === null) return null;
  frames.mark(folio, PageFlag.uptodate);
  const now = host.hugeZeroFolio.update((old) => (old === 0 ? folio : old));
  if (now !== folio) frames.put(folio);
  return now;
}

/** is_huge_zero_pmd() */
export function isHugeZeroPmd(pmd: Pte): boolean {
  const both = PteFlag.leaf | PteFlag.special;
  return (pmd & both) === both;
}

nameFunctions({
  mm_get_huge_zero_folio: getHugeZeroFolio,
});
