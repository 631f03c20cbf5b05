import type { Hva, Node, Pfn } from "./addresses.js";
import { leafAt } from "./leaf.js";
import { isolateLru } from "./migrate.js";
import type { Mm } from "./mm.js";
import { ENTRY_SIZE } from "./page-table.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "./pte.js";
import { isMaybeMappedShared } from "./rmap.js";
import { type Vma, VmFlag } from "./vma.js";

/** MPOL_MF_* */
export const MpolMf = { strict: 1, move: 2, moveAll: 4, lazy: 8 } as const;

/** A folio that was taken off the LRU to be moved, and an address at which it is mapped. */
export interface Queued {
  readonly folio: Pfn;
  readonly vma: Vma;
  readonly address: Hva;
}

/**
 * queue_pages_range(), migrate_folio_add(): isolates the folios within `[start, end)` that are on a node which `wants` to be left. With
 * MPOL_MF_STRICT alone nothing is moved, and the first such folio ends it.
 * @returns what is to be moved, and how many pages cannot be
 */
export function queuePagesRange(
  mm: Mm,
  start: Hva,
  end: Hva,
  flags: number,
  leaves: (node: Node) => boolean,
): { readonly queued: readonly Queued[]; readonly failed: number } {
  const queued: Queued[] = [];
  let failed = 0;
  for (const vma of mm.vmas.overlapping(start, end)) {
    const fields = vma.fields;
    const isMigratable = (fields.flags & VmFlag.pfnmap) === 0;
    if (!isMigratable && (flags & MpolMf.strict) === 0) continue;
    const to = Math.min(end, fields.end);
    for (let at = Math.max(start, fields.start); at < to; ) {
      const leaf = leafAt(mm, at);
      const size = ENTRY_SIZE[leaf?.table.level ?? 0];
      const next = at - (at % size) + size;
      if (leaf !== null) {
        const folio = folioToMove(vma, leaf.pte, leaves, queued);
        if (folio !== null) {
          const moves = (flags & (MpolMf.move | MpolMf.moveAll)) !== 0 && isMigratable;
          // A folio that others map too stays where it is, and that is no failure.
          const others = (flags & MpolMf.moveAll) === 0 && isMaybeMappedShared(mm.host.frames, folio);
          if (moves && !others && isolateLru(mm.host, folio)) queued.push({ folio, vma, address: at });
          else if (!moves || !others) {
            failed++;
            if ((flags & (MpolMf.strict | MpolMf.move | MpolMf.moveAll)) === MpolMf.strict)
              return { queued, failed };
          }
        }
      }
      at = next;
    }
  }
  return { queued, failed };
}

/** queue_folio_required(), and what is no ordinary page at all. */
function folioToMove(
  { mm }: Vma,
  pte: number,
  leaves: (node: Node) => boolean,
  queued: readonly Queued[],
): Pfn | null {
  if (!ptePresent(pte) || pteHas(pte, PteFlag.special)) return null;
  const { frames } = mm.host;
  const folio = frames.folio(ptePfn(pte));
  if (frames.order(folio) > 0 && queued[queued.length - 1]?.folio === folio) return null;
  return leaves(frames.nodeOf(folio)) ? folio : null;
}
