import { pteCacheable } from "../descriptor/attributes.js";
import { pteToPhys } from "../descriptor/output-address.js";
import type { Stage2 } from "../stage2.js";
import { Walk } from "./flags.js";
import { Walker } from "./walker.js";

/** stage2_flush_walker(): cleans the data cache of what is mapped cacheable. */
export class FlushWalker extends Walker {
  protected override readonly writes = false;

  constructor(pgt: Stage2) {
    super(pgt, Walk.LEAF);
  }

  protected override leaf(): number {
    const { pgt, oldLo, oldHi } = this;
    if (pgt.mm.dcacheCleanInvalPoc !== undefined && pteCacheable(pgt.memAttrs, oldLo)) {
      pgt.mm.dcacheCleanInvalPoc(pteToPhys(pgt.layout, oldLo, oldHi), pgt.geometry.sizes[this.level]!);
    }
    return 0;
  }
}
