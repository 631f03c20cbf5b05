import { pteExecutable } from "../descriptor/attributes.js";
import { VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { EAGAIN } from "../errno.js";
import type { Stage2 } from "../stage2.js";
import { trySetPte } from "./entry.js";
import { Walk, type WalkFlags } from "./flags.js";
import { Walker } from "./walker.js";

/** Bits to set and to clear, of each half. */
export interface AttributeChange {
  readonly setLo: number;
  readonly setHi: number;
  readonly clearLo: number;
  readonly clearHi: number;
}

/** stage2_attr_walker(): changes attributes of valid leaves in place, without break-before-make. */
export class AttributeWalker extends Walker {
  protected override readonly writes = true;
  /** Level of the last valid leaf. */
  found = 0;

  constructor(
    pgt: Stage2,
    flags: WalkFlags,
    private readonly change: AttributeChange,
  ) {
    super(pgt, flags | Walk.LEAF);
  }

  protected override leaf(): number {
    const { oldLo, oldHi, change, level } = this;
    if ((oldLo & VALID) === 0) return -EAGAIN;
    this.found = level;
    const lo = (oldLo & ~change.clearLo) | change.setLo;
    const hi = (oldHi & ~change.clearHi) | change.setHi;
    if (lo === oldLo && hi === oldHi) return 0;

    const { mm, layout, geometry } = this.pgt;
    if (mm.icacheInvalPou !== undefined && pteExecutable(lo, hi) && !pteExecutable(oldLo, oldHi)) {
      mm.icacheInvalPou(pteToPhys(layout, lo, hi), geometry.sizes[level]!);
    }
    return trySetPte(this, lo, hi) ? 0 : -EAGAIN;
  }
}
