import { nameFunctions } from "@kvmm/interleave";
import { type Hva, type Node, PAGE_SIZE, type Pfn, PMD_SIZE } from "../addresses.js";
import { clearYoungNotify } from "../ageing/clear-young.js";
import { folioPteBatch } from "../folio-pte-batch.js";
import type { Host } from "../host.js";
import { type Leaf, leafAt } from "../leaf.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { type Vma, VmFlag } from "../vma.js";
import { folioUpdateGen } from "./accessed.js";

/** MIN_LRU_BATCH, in bytes: BITS_PER_LONG pages. */
const BATCH = 64 * PAGE_SIZE;
const SITE = "lru_gen_look_around";

/**
 * lru_gen_look_around(): ages small entries of an isolated folio and, where they were used, their neighbours within 64
 * pages of the same table: who is used may have used neighbours, and the table is at hand. Under page_table_lock.
 * @returns had they been used?
 */
export function lruGenLookAround(
  host: Host,
  folio: Pfn,
  vma: Vma,
  leaves: readonly Leaf[],
  address: Hva,
): boolean {
  const { mm, fields } = vma;
  const { frames } = host;
  if (!clearYoungNotify(mm, leaves, address, address + leaves.length * PAGE_SIZE, SITE)) return false;
  // VM_SPECIAL
  if ((fields.flags & (VmFlag.pfnmap | VmFlag.dontexpand)) !== 0) return true;
  const { start, end } = window(address, fields.start, fields.end);
  if (end - start === PAGE_SIZE) return true;
  let last = 0;
  for (let at = start; at < end; ) {
    const leaf = leafAt(mm, at);
    const neighbour = leaf === null ? null : agedFolio(host, leaf, frames.nodeOf(folio));
    if (leaf === null || neighbour === null) {
      at += PAGE_SIZE;
      continue;
    }
    const batch = folioPteBatch(mm, leaf, at, end);
    const next = at + batch.length * PAGE_SIZE;
    if (clearYoungNotify(mm, batch, at, next, SITE) && neighbour !== last) {
      folioUpdateGen(frames, neighbour);
      last = neighbour;
    }
    at = next;
  }
  return true;
}

/** The part of a mapping around an address, within its table, that is looked at. */
function window(address: Hva, vmaStart: Hva, vmaEnd: Hva): { readonly start: Hva; readonly end: Hva } {
  const base = address - (address % PMD_SIZE);
  const start = Math.max(base, vmaStart);
  const end = Math.min(base + PMD_SIZE, vmaEnd);
  if (end - start <= BATCH) return { start, end };
  if (address - start < BATCH / 2) return { start, end: start + BATCH };
  if (end - address < BATCH / 2) return { start: end - BATCH, end };
  return { start: address - BATCH / 2, end: address + BATCH / 2 };
}

/**
 * get_pte_pfn(), get_pfn_folio(): the folio behind an entry if it lies on the node and on a list of generations, where
 * nothing isolated or unevictable is. What only another mapping keeps locked counts here as if nobody did.
 */
export function agedFolio({ frames }: Host, { pte }: Leaf, node: Node): Pfn | null {
  if (!ptePresent(pte) || pteHas(pte, PteFlag.special)) return null;
  const folio = frames.folio(ptePfn(pte));
  if (frames.nodeOf(folio) !== node || !frames.test(folio, PageFlag.lru)) return null;
  return frames.test(folio, PageFlag.unevictable) ? null : folio;
}

nameFunctions({
  lru_gen_look_around: lruGenLookAround,
  get_pfn_folio: agedFolio,
});
