import type { Ipa } from "../address.js";
import { join } from "../descriptor/halves.js";
import type { TablePage } from "../table/table-page.js";
import { Walk, type WalkFlags } from "./flags.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/** struct kvm_pgtable_visit_ctx: one visit of a walk. */
export interface Visit {
  /** Which of LEAF, TABLE_PRE and TABLE_POST. */
  readonly kind: WalkFlags;
  /** The position of the walk; the first entry visited may begin before it. */
  readonly addr: Ipa;
  readonly level: number;
  /** The descriptor as it was read. */
  readonly old: bigint;
  readonly page: TablePage;
  readonly index: number;
}

/** @returns 0, or a negative errno that ends the walk */
export type Visitor = (visit: Visit) => number;

/** A walk with a visitor of the caller's: kvm_pgtable_walk(). */
export class VisitorVisits extends Visits {
  constructor(private readonly visitor: Visitor) {
    super();
  }

  override get writes(): boolean {
    return false;
  }

  override leaf(walker: Walker): number {
    return this.#call(walker, Walk.LEAF);
  }

  override tablePre(walker: Walker): number {
    return this.#call(walker, Walk.TABLE_PRE);
  }

  override tablePost(walker: Walker): number {
    return this.#call(walker, Walk.TABLE_POST);
  }

  #call(walker: Walker, kind: WalkFlags): number {
    const { at, level, page, index, oldLo, oldHi } = walker;
    return this.visitor({ kind, addr: at as Ipa, level, old: join(oldLo, oldHi), page, index });
  }
}
