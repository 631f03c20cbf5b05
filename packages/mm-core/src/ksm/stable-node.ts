import { Cell, Shared, type Store } from "@kvmm/interleave";
import type { Hva, Pfn } from "../addresses.js";
import type { AnonVma } from "../anon-vma.js";

/** One address that was given a merged page (struct ksm_rmap_item of the stable tree). */
interface RmapItem {
  /** Of the mapping at that time: it leads to the mappings that may hold the page now. */
  readonly anonVma: AnonVma;
  readonly address: Hva;
}

/** struct ksm_stable_node: a merged page, and where it may be mapped. */
export class StableNode extends Shared {
  /** Changes when the page migrates. */
  readonly page: Cell<Pfn>;
  readonly items: Cell<readonly RmapItem[]>;

  constructor(store: Store, page: Pfn) {
    super(store, "ksm_stable_node");
    this.page = new Cell(store, "ksm_stable_node->kpfn", page);
    this.items = new Cell<readonly RmapItem[]>(store, "ksm_stable_node->hlist", []);
  }

  /** stable_tree_append() */
  append(anonVma: AnonVma, address: Hva): void {
    this.items.update((items) => [...items, { anonVma, address }]);
  }

  override restore(): void {}
}
