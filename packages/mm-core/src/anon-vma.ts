import { Ordered, RwSemaphore, Shared, type Store } from "@kvmm/interleave";
import type { Vma } from "./vma.js";

/** struct anon_vma: the VMAs in which a private page may be mapped. */
export class AnonVma extends Shared {
  /** anon_vma->root->rwsem */
  readonly lock: RwSemaphore;
  /** By page offset. */
  readonly mappings: Ordered<Vma>;

  constructor(store: Store) {
    super(store, "anon_vma");
    this.lock = new RwSemaphore(store, "anon_vma->rwsem");
    this.mappings = new Ordered(store, "anon_vma->rb_root", { lock: this.lock });
  }

  override restore(): void {}
}
