import { isCounted } from "./entry.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/**
 * stage2_free_walker(): drops the references of tables that nobody can reach any more. Leaves stay as they are, and no
 * TLB is invalidated.
 */
class FreeVisits extends Visits {
  override get writes(): boolean {
    return true;
  }

  /** stage2_free_leaf() */
  override leaf(walker: Walker): number {
    if (isCounted(walker.oldLo, walker.oldHi)) walker.page.putPage(walker.index);
    return 0;
  }

  /** stage2_free_table_post() */
  override tablePost(walker: Walker): number {
    const { pgt, page, index } = walker;
    const child = pgt.tables.child(page, index, walker.oldLo, walker.oldHi);
    if (child.pageCount(0) !== 1 && pgt.behaviour.freeTableWithEntries === "keep") return 0;
    page.putPage(index);
    pgt.putTable(child);
    page.write(index, 0, 0, true);
    return 0;
  }
}

export const freeVisits: Visits = new FreeVisits();
