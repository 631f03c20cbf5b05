import type { Ipa } from "../address.js";
import { pteCacheable } from "../descriptor/attributes.js";
import { VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { TLBI_TTL_UNKNOWN } from "../tlb.js";
import { isCounted } from "./entry.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/** stage2_unmap_walker(): clears leaves, and frees tables in which nothing is left. */
class UnmapVisits extends Visits {
  override get writes(): boolean {
    return true;
  }

  override leaf(walker: Walker): number {
    const { pgt, page, index, oldLo, oldHi } = walker;
    if ((oldLo & VALID) === 0) {
      if (isCounted(oldLo, oldHi)) {
        page.write(index, 0, 0, false);
        page.putPage(index);
      }
      return 0;
    }
    page.write(index, 0, 0, false);
    if (!pgt.defersTlbFlush) pgt.tlb.flushVmidIpa(walker.at as Ipa, walker.level);
    page.putPage(index);

    const { mm } = pgt;
    if (mm.dcacheCleanInvalPoc !== undefined && !pgt.machine.fwb && pteCacheable(pgt.memAttrs, oldLo)) {
      mm.dcacheCleanInvalPoc(pteToPhys(pgt.layout, oldLo, oldHi), pgt.geometry.sizes[walker.level]!);
    }
    return 0;
  }

  override tablePost(walker: Walker): number {
    const { pgt, page, index } = walker;
    const child = pgt.tables.child(page, index, walker.oldLo, walker.oldHi);
    if (child.pageCount(0) !== 1) return 0;
    page.write(index, 0, 0, false);
    pgt.tlb.flushVmidIpa(walker.at as Ipa, TLBI_TTL_UNKNOWN);
    page.putPage(index);
    pgt.putTable(child);
    return 0;
  }
}

export const unmapVisits: Visits = new UnmapVisits();
