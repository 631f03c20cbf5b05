import { protOfHalves } from "../descriptor/attributes.js";
import { VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { EAGAIN, EINVAL, ENOMEM } from "../errno.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { MemoryCache } from "../table/memory-cache.js";
import { makePte, tryBreakPte } from "./entry.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/**
 * stage2_split_walker(): replaces blocks by tables that map the same. With enough pages in the cache a whole tree down to
 * pages at once, otherwise one table of the next smaller size, which the walk then descends into.
 */
export class SplitVisits extends Visits {
  constructor(private readonly cache: MemoryCache) {
    super();
  }

  override get writes(): boolean {
    return true;
  }

  override leaf(walker: Walker): number {
    const { cache } = this;
    const { pgt, level, oldLo, oldHi } = walker;
    if (level === LAST_LEVEL || (oldLo & VALID) === 0) return 0;

    const tables = blockTables(walker);
    if (tables < 0) return tables;
    const forcePte = cache.nobjs >= tables;
    if (!forcePte && cache.nobjs < 1) return -ENOMEM;
    const phys = pteToPhys(pgt.layout, oldLo, oldHi);
    const child = pgt.createUnlinked(phys, level, protOfHalves(oldLo, oldHi), cache, forcePte);
    if (typeof child === "number") return child;
    if (!tryBreakPte(walker)) {
      pgt.freeUnlinked(child, level);
      return -EAGAIN;
    }
    makePte(walker, child.entryLo, child.entryHi);
    return 0;
  }
}

/** stage2_block_get_nr_page_tables(): tables needed to map a block by pages, or a negative errno. */
function blockTables({ level, pgt }: Walker): number {
  switch (level) {
    case 2:
      return 1;
    case 1:
      return pgt.geometry.ptrsPerPte + 1;
    default:
      pgt.warn(
        "stage2_block_get_nr_page_tables: WARN_ON_ONCE(level < KVM_PGTABLE_MIN_BLOCK_LEVEL || level > KVM_PGTABLE_LAST_LEVEL)",
      );
      return -EINVAL;
  }
}
