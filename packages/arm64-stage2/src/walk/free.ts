import type { Stage2 } from "../stage2.js";
import { isCounted } from "./entry.js";
import { Walk } from "./flags.js";
import { Walker } from "./walker.js";

/**
 * stage2_free_walker(): drops the references of tables that nobody can reach any more. Leaves stay as they are, and no
 * TLB is invalidated.
 */
export class FreeWalker extends Walker {
  protected override readonly writes = true;
  override readonly quiet = true;

  constructor(pgt: Stage2) {
    super(pgt, Walk.LEAF | Walk.TABLE_POST);
  }

  /** stage2_free_leaf() */
  protected override leaf(): number {
    if (isCounted(this.oldLo, this.oldHi)) this.page.putPage(this.index);
    return 0;
  }

  /** stage2_free_table_post() */
  protected override tablePost(): number {
    const { pgt, page, index } = this;
    const child = pgt.tables.child(page, index, this.oldLo, this.oldHi);
    if (child.pageCount(0) !== 1) return 0;
    page.putPage(index);
    pgt.putTable(child);
    page.write(index, 0, 0, true);
    return 0;
  }
}
