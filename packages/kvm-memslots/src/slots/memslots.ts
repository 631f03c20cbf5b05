import { Cell, type Guard, Ordered, Shared, type Store } from "@kvmm/interleave";
import type { Gfn, Memslot } from "./memslot.js";

/**
 * struct kvm_memslots: one of the two sets of memslots of an address space. The active one is read under SRCU and
 * never changed; the other is changed under slots_lock, once no reader can see it any more.
 */
export class Memslots extends Shared {
  /** By gfn; never overlapping. */
  readonly gfnTree: Ordered<Memslot>;
  /** By user address; may overlap. */
  readonly hvaTree: Ordered<Memslot>;
  readonly #idTable: Ordered<Memslot>;
  readonly generation: Cell<number>;

  constructor(
    store: Store,
    readonly asId: number,
    /** slots->node_idx: which of the two. */
    readonly nodeIdx: 0 | 1,
    /** slots_lock, without which nothing is changed. */
    guard: Guard,
  ) {
    const name = `kvm->__memslots[${asId}][${nodeIdx}]`;
    super(store, name);
    this.gfnTree = new Ordered(store, `${name} gfn_tree`, guard);
    this.hvaTree = new Ordered(store, `${name} hva_tree`, guard);
    this.#idTable = new Ordered(store, `${name} id_hash`, guard);
    this.generation = new Cell(store, `${name} generation`, asId, guard);
  }

  /** search_memslots() */
  byGfn(gfn: Gfn): Memslot | undefined {
    return this.gfnTree.first(gfn, gfn + 1);
  }

  /** id_to_memslot() */
  byId(slotId: number): Memslot | undefined {
    return this.#idTable.get(slotId);
  }

  /** kvm_replace_memslot(): adds, removes or exchanges a memslot. Only in the inactive set. */
  replace(old: Memslot | null, now: Memslot | null): void {
    if (old !== null) {
      this.hvaTree.delete(old.userspaceAddr, old.slotId);
      if (now === null) this.#idTable.delete(old.slotId);
      if (now === null || now.baseGfn !== old.baseGfn) this.gfnTree.delete(old.baseGfn);
    }
    if (now === null) return;
    this.#idTable.set(now.slotId, now.slotId + 1, now);
    this.hvaTree.set(now.userspaceAddr, now.userspaceEnd, now, now.slotId);
    this.gfnTree.set(now.baseGfn, now.endGfn, now);
  }

  /** All memslots by gfn, as they are; not an access. */
  peek(): readonly Memslot[] {
    return this.gfnTree.peek();
  }

  override restore(): void {}
}
