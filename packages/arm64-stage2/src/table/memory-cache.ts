import type { Store } from "@kvmm/interleave";
import { Local } from "./local.js";

/** KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE */
const CAPACITY = 40;

/**
 * struct kvm_mmu_memory_cache: pages put aside while sleeping is allowed, for a walk that must not sleep. Only their
 * number matters; a page becomes a table when it is taken.
 */
export class MemoryCache {
  readonly #nobjs: Local<number>;

  constructor(store: Store, name = "mmu_page_cache", pages = 0) {
    checkCount(pages);
    this.#nobjs = new Local(store, name, pages);
  }

  /** kvm_mmu_memory_cache_nr_free_objects() */
  get nobjs(): number {
    return this.#nobjs.get();
  }

  /**
   * kvm_mmu_topup_memory_cache(): makes sure of at least `min` pages, filling the cache up if there are fewer.
   * @returns 0: memory does not run out
   */
  topup(min: number, capacity = Math.max(CAPACITY, min)): number {
    checkCount(capacity);
    if (this.#nobjs.get() < min) this.#nobjs.set(capacity);
    return 0;
  }

  /** Sets the number of pages. */
  set(pages: number): void {
    checkCount(pages);
    this.#nobjs.set(pages);
  }

  /** kvm_mmu_memory_cache_alloc(): takes one page. @returns whether there was one */
  take(): boolean {
    const left = this.#nobjs.get();
    if (left === 0) return false;
    this.#nobjs.set(left - 1);
    return true;
  }

  /** kvm_mmu_free_memory_cache(): gives the unused pages back. */
  free(): void {
    this.#nobjs.set(0);
  }
}

function checkCount(pages: number): void {
  if (Number.isInteger(pages) && pages >= 0) return;
  throw new RangeError(`memory cache: ${String(pages)} is not a number of pages`);
}
