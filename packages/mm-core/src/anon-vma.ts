import { Ordered, RwSemaphore, Shared, type Store } from "@kvmm/interleave";
import type { Vma } from "./vma.js";

/** struct anon_vma: the VMAs in which a private page may be mapped. */
export class AnonVma extends Shared {
  /** anon_vma->root->rwsem */
  readonly lock: RwSemaphore;
  /** By page offset. */
  readonly mappings: Ordered<Vma>;

  /** @param root the anon_vma that this one was forked from: they share its lock */
  constructor(store: Store, root: AnonVma | null = null) {
    super(store, "anon_vma");
    this.lock = root === null ? new RwSemaphore(store, "anon_vma->rwsem") : root.lock;
    this.mappings = new Ordered(store, "anon_vma->rb_root", { lock: this.lock });
  }

  override restore(): void {}
}
