import type { Ipa, Pa } from "../address.js";
import { S2AP_W, TYPE_TABLE_OR_PAGE, VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { Stage2 } from "../stage2.js";

/** What stage 2 has for an address. */
export interface PeekedLeaf {
  readonly pa: Pa;
  readonly writable: boolean;
  readonly level: number;
}

/** The leaf that maps an address, as it is, or null; not an access. */
export function peekLeaf(pgt: Stage2, addr: Ipa): PeekedLeaf | null {
  const { geometry, tables } = pgt;
  let page = pgt.pgd.peek();
  if (page === null || addr >= pgt.limit) return null;
  let first = Math.floor(addr / pgt.pgdPageSize) << geometry.ptrsShift;
  for (let level = pgt.startLevel; ; level++) {
    const size = geometry.sizes[level]!;
    const index = first + (Math.floor(addr / size) & (geometry.ptrsPerPte - 1));
    const words = page.peekWords();
    const lo = words[2 * index]!;
    const hi = words[2 * index + 1]!;
    if ((lo & VALID) === 0) return null;
    if (level === LAST_LEVEL || (lo & TYPE_TABLE_OR_PAGE) !== TYPE_TABLE_OR_PAGE) {
      return { pa: (pteToPhys(pgt.layout, lo, hi) + (addr % size)) as Pa, writable: (lo & S2AP_W) !== 0, level };
    }
    page = tables.child(page, index, lo, hi);
    first = 0;
  }
}
