import { Cell, Srcu, type Store } from "@kvmm/interleave";
import type { MmOps } from "../mm-ops.js";
import type { Stage2 } from "../stage2.js";
import type { TablePage } from "../table/table-page.js";

/** A table that is out of the tree, and the level of the entry that pointed to it. */
type Unlinked = readonly [page: TablePage, level: number];

/**
 * stage2_free_unlinked_table(): tables that blocks have replaced. Walkers under RCU may still be in them, so they are
 * freed after a grace period.
 */
export class UnlinkedTables {
  readonly rcu: Srcu;
  readonly waiting: Cell<readonly Unlinked[]>;
  /** Set once there are tables. */
  pgt!: Stage2;

  /** The part of the tables' memory management that is concerned. */
  readonly ops: Required<Pick<MmOps, "rcuReadLock" | "rcuReadUnlock" | "freeUnlinkedTable">> = {
    rcuReadLock: () => this.rcu.readLock(),
    rcuReadUnlock: (token) => this.rcu.readUnlock(token),
    freeUnlinkedTable: (page, level) => {
      this.waiting.update((all) => [...all, [page, level]]);
    },
  };

  constructor(store: Store) {
    this.rcu = new Srcu(store, "rcu");
    this.waiting = new Cell<readonly Unlinked[]>(store, "call_rcu of stage-2 tables", []);
  }

  /**
   * stage2_free_unlinked_table_rcu_cb(), for all that wait. Alone it follows each fault; explored, it is a thread's
   * business, for it waits for readers.
   */
  reclaim(): void {
    const tables = this.waiting.get();
    if (tables.length === 0) return;
    this.rcu.synchronize();
    this.waiting.update((all) => all.filter((one) => !tables.includes(one)));
    for (const [page, level] of tables) this.pgt.freeUnlinked(page, level);
  }
}
