import { AF, VALID } from "../descriptor/layout.js";
import { EAGAIN } from "../errno.js";
import type { Stage2 } from "../stage2.js";
import { trySetPte } from "./entry.js";
import { Walk } from "./flags.js";
import { Walker } from "./walker.js";

/** stage2_age_walker(): looks for access flags, and clears them. TLBs are the caller's business. */
export class AgeWalker extends Walker {
  protected override readonly writes: boolean;
  young = false;

  constructor(
    pgt: Stage2,
    private readonly mkold: boolean,
  ) {
    super(pgt, Walk.LEAF);
    this.writes = mkold;
  }

  protected override leaf(): number {
    const { oldLo, oldHi } = this;
    if ((oldLo & VALID) === 0 || (oldLo & AF) === 0) return 0;
    this.young = true;
    return this.mkold && !trySetPte(this, oldLo & ~AF, oldHi) ? -EAGAIN : 0;
  }
}
