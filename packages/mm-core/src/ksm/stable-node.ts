import { Cell, Shared, type Store } from "@kvmm/interleave";
import type { Hva, Pfn } from "../addresses.js";
import type { AnonVma } from "../anon-vma.js";
import type { Mm } from "../mm.js";

/** One address that was given a merged page (struct ksm_rmap_item of the stable tree). */
interface RmapItem {
  /** Of the mapping at that time: it leads to the mappings that may hold the page now. */
  readonly anonVma: AnonVma;
  readonly mm: Mm;
  readonly address: Hva;
}

/** struct ksm_stable_node: a merged page, and where it may be mapped. */
export class StableNode extends Shared {
  /** Changes when the page migrates. */
  readonly page: Cell<Pfn>;
  /** The last one that came is the first. */
  readonly items: Cell<readonly RmapItem[]>;

  constructor(store: Store, page: Pfn) {
    super(store, "ksm_stable_node");
    this.page = new Cell(store, "ksm_stable_node->kpfn", page);
    this.items = new Cell<readonly RmapItem[]>(store, "ksm_stable_node->hlist", []);
  }

  /** stable_tree_append() */
  append(item: RmapItem): void {
    this.items.update((items) => [item, ...items]);
  }

  override restore(): void {}
}
