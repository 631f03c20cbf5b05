import { Cell, Shared, Sparse, type Store } from "@kvmm/interleave";
import type { Mm } from "../mm.js";
import type { StableNode } from "./stable-node.js";

/** What ksmd knows of one process (struct ksm_mm_slot and its rmap items), by page number. */
export class KsmSlot extends Shared {
  /** rmap_item->oldchecksum plus one: the contents at the last look. */
  readonly checksums: Sparse;
  /** The id of the merged page's node that an address was given (rmap_item->head), 0: none. */
  readonly merged: Sparse;

  constructor(readonly mm: Mm) {
    super(mm.host.store, "ksm_mm_slot");
    this.checksums = new Sparse(this.store, "rmap_item->oldchecksum");
    this.merged = new Sparse(this.store, "rmap_item->head");
  }

  override restore(): void {}
}

/** What ksmd keeps for the whole system. */
export class KsmState {
  /** Processes with mergeable memory, in the order in which they came. */
  readonly slots: Cell<readonly KsmSlot[]>;
  /** The merged pages (the stable tree). */
  readonly stable: Cell<readonly StableNode[]>;

  constructor(private readonly store: Store) {
    this.slots = new Cell<readonly KsmSlot[]>(store, "ksm_mm_head", []);
    this.stable = new Cell<readonly StableNode[]>(store, "root_stable_tree", []);
  }

  /** __ksm_enter() */
  enter(mm: Mm): void {
    if (this.slots.get().some((slot) => slot.mm === mm)) return;
    const slot = this.store.create(() => new KsmSlot(mm));
    this.slots.update((slots) => [...slots, slot]);
  }

  /** __ksm_exit() */
  leave(mm: Mm): void {
    this.slots.update((slots) =>
      slots.some((slot) => slot.mm === mm) ? slots.filter((slot) => slot.mm !== mm) : slots,
    );
  }
}
