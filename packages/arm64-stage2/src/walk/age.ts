import { AF, VALID } from "../descriptor/layout.js";
import { EAGAIN } from "../errno.js";
import { trySetPte } from "./entry.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/** stage2_age_walker(): looks for access flags, and clears them. TLBs are the caller's business. */
export class AgeVisits extends Visits {
  young = false;

  constructor(private readonly mkold: boolean) {
    super();
  }

  override get writes(): boolean {
    return this.mkold;
  }

  override leaf(walker: Walker): number {
    const { oldLo, oldHi } = walker;
    if ((oldLo & VALID) === 0 || (oldLo & AF) === 0) return 0;
    this.young = true;
    return this.mkold && !trySetPte(walker, oldLo & ~AF, oldHi) ? -EAGAIN : 0;
  }
}
