import { pteExecutable } from "../descriptor/attributes.js";
import { VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { EAGAIN } from "../errno.js";
import { trySetPte } from "./entry.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/** stage2_attr_walker(): sets and clears attributes of valid leaves in place, without break-before-make. */
export class AttributeVisits extends Visits {
  /** Level of the last valid leaf. */
  found = 0;

  constructor(
    private readonly setLo: number,
    private readonly setHi: number,
    private readonly clearLo: number,
    private readonly clearHi: number,
  ) {
    super();
  }

  override get writes(): boolean {
    return true;
  }

  override leaf(walker: Walker): number {
    const { oldLo, oldHi, level } = walker;
    if ((oldLo & VALID) === 0) return -EAGAIN;
    this.found = level;
    const lo = (oldLo & ~this.clearLo) | this.setLo;
    const hi = (oldHi & ~this.clearHi) | this.setHi;
    if (lo === oldLo && hi === oldHi) return 0;

    const { mm, layout, geometry } = walker.pgt;
    if (mm.icacheInvalPou !== undefined && pteExecutable(lo, hi) && !pteExecutable(oldLo, oldHi)) {
      mm.icacheInvalPou(pteToPhys(layout, lo, hi), geometry.sizes[level]!);
    }
    return trySetPte(walker, lo, hi) ? 0 : -EAGAIN;
  }
}
