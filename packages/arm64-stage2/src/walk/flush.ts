import { pteCacheable } from "../descriptor/attributes.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/** stage2_flush_walker(): cleans the data cache of what is mapped cacheable. */
class FlushVisits extends Visits {
  override get writes(): boolean {
    return false;
  }

  override leaf(walker: Walker): number {
    const { pgt, oldLo, oldHi } = walker;
    if (pgt.mm.dcacheCleanInvalPoc !== undefined && pteCacheable(pgt.memAttrs, oldLo)) {
      pgt.mm.dcacheCleanInvalPoc(pteToPhys(pgt.layout, oldLo, oldHi), pgt.geometry.sizes[walker.level]!);
    }
    return 0;
  }
}

export const flushVisits: Visits = new FlushVisits();
