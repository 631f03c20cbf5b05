import type { Ipa } from "../address.js";
import { pteCacheable } from "../descriptor/attributes.js";
import { VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import type { Stage2 } from "../stage2.js";
import { TLBI_TTL_UNKNOWN } from "../tlb.js";
import { isCounted } from "./entry.js";
import { Walk } from "./flags.js";
import { Walker } from "./walker.js";

/** stage2_unmap_walker(): clears leaves, and frees tables in which nothing is left. */
export class UnmapWalker extends Walker {
  protected override readonly writes = true;

  constructor(pgt: Stage2) {
    super(pgt, Walk.LEAF | Walk.TABLE_POST);
  }

  protected override leaf(): number {
    const { pgt, page, index, oldLo, oldHi } = this;
    if ((oldLo & VALID) === 0) {
      if (isCounted(oldLo, oldHi)) {
        page.write(index, 0, 0, false);
        page.putPage(index);
      }
      return 0;
    }
    page.write(index, 0, 0, false);
    if (!pgt.defersTlbFlush) pgt.tlb.flushVmidIpa(this.at as Ipa, this.level);
    page.putPage(index);

    const { mm } = pgt;
    if (mm.dcacheCleanInvalPoc !== undefined && !pgt.machine.fwb && pteCacheable(pgt.memAttrs, oldLo)) {
      mm.dcacheCleanInvalPoc(pteToPhys(pgt.layout, oldLo, oldHi), pgt.geometry.sizes[this.level]!);
    }
    return 0;
  }

  protected override tablePost(): number {
    const { pgt, page, index } = this;
    const child = pgt.tables.child(page, index, this.oldLo, this.oldHi);
    if (child.pageCount(0) !== 1) return 0;
    page.write(index, 0, 0, false);
    pgt.tlb.flushVmidIpa(this.at as Ipa, TLBI_TTL_UNKNOWN);
    page.putPage(index);
    pgt.putTable(child);
    return 0;
  }
}
