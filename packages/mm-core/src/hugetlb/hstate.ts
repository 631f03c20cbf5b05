import { Cell, SpinLock, type Store } from "@kvmm/interleave";
import { type Node, PAGE_SIZE, type Pfn } from "../addresses.js";
import { Column } from "../column.js";
import { type Refusal, refuse } from "../errno.js";
import type { Frames } from "../frames.js";
import { PageFlag } from "../page-flags.js";

/**
 * struct hstate: the pool of huge pages of one size. It neither grows nor shrinks: there are no surplus pages
 * (nr_overcommit_hugepages is 0).
 */
export class Hstate {
  /** Bytes of one page. */
  readonly size: number;
  /** Small pages of one page. */
  readonly pages: number;
  /** hugetlb_lock */
  readonly #lock: SpinLock;
  /** resv_huge_pages: free pages that are promised to mappings. */
  readonly #reserved: Cell<number>;
  /** free_huge_pages_node[] */
  readonly #free: readonly Cell<number>[];
  /** The first free page of each node (hugepage_freelists), 0 for none; each names the next. */
  readonly #heads: readonly Cell<Pfn>[];
  readonly #next: Column;

  /** @param count pages of the pool, spread evenly over the nodes (hugetlb_init_hstates()) */
  constructor(
    store: Store,
    private readonly frames: Frames,
    readonly order: 9 | 18,
    count: number,
  ) {
    this.pages = 2 ** order;
    this.size = this.pages * PAGE_SIZE;
    const name = `hugetlb ${this.size / 2 ** 20}M`;
    this.#lock = new SpinLock(store, `${name} hugetlb_lock`);
    const guard = { lock: this.#lock };
    this.#reserved = new Cell(store, `${name} resv_huge_pages`, 0, guard);
    this.#next = new Column(store, `${name} free list`);
    const nodes = Array.from({ length: frames.nodes }, (_, node) => node);
    this.#free = nodes.map((node) => new Cell(store, `${name} free_huge_pages_node[${node}]`, 0, guard));
    this.#heads = nodes.map((node) => new Cell<Pfn>(store, `${name} hugepage_freelists[${node}]`, 0, guard));
    for (let page = 0; page < count; page++) {
      const folio = frames.alloc(page % frames.nodes, null, order);
      if (folio === null) return;
      frames.mark(folio, PageFlag.hugetlb);
      frames.refcount.set(folio, 0);
      this.#enqueue(folio, false);
    }
  }

  /** free_huge_pages, as it is. */
  get freePages(): number {
    return this.#free.reduce((sum, cell) => sum + cell.peek(), 0);
  }

  /** resv_huge_pages, as it is. */
  get reservedPages(): number {
    return this.#reserved.peek();
  }

  /** hugetlb_acct_memory(): promises so many free pages, or takes the promise back. */
  account(pages: number): Refusal | undefined {
    if (pages === 0) return undefined;
    this.#lock.lock();
    const left = this.#available() - pages;
    if (pages < 0 || left >= 0) this.#reserved.update((reserved) => reserved + pages);
    this.#lock.unlock();
    if (pages < 0 || left >= 0) return undefined;
    const reason = `${pages} huge pages of ${this.size} bytes are wanted, ${left + pages} are free and not reserved`;
    return refuse("ENOMEM", "hugetlb_acct_memory", reason, "MAP_NORESERVE, or a larger pool");
  }

  #available(): number {
    return this.#free.reduce((sum, cell) => sum + cell.get(), 0) - this.#reserved.get();
  }

  /**
   * dequeue_hugetlb_folio_vma(), dequeue_hugetlb_folio_nodemask(): a zeroed page with one reference.
   * @param reserved it was promised: otherwise only a page that is promised to nobody will do
   * @returns null where there is none
   */
  dequeue(node: Node, allowed: readonly Node[] | null, reserved: boolean): Pfn | null {
    this.#lock.lock();
    let folio: Pfn = 0;
    if (reserved || this.#available() > 0) {
      for (let distance = 0; folio === 0 && distance < this.frames.nodes; distance++) {
        const candidate = (node + distance) % this.frames.nodes;
        if (allowed === null || allowed.includes(candidate)) folio = this.#take(candidate);
      }
    }
    if (folio !== 0 && reserved) {
      this.#reserved.update((count) => count - 1);
      // folio_set_hugetlb_restore_reserve()
      this.frames.mark(folio, PageFlag.restoreReserve);
    }
    this.#lock.unlock();
    return folio === 0 ? null : folio;
  }

  #take(node: Node): Pfn {
    const head = this.#heads[node]!;
    const folio = head.get();
    if (folio === 0) return 0;
    head.set(this.#next.get(folio));
    this.#free[node]!.update((count) => count - 1);
    this.frames.refcount.set(folio, 1);
    return folio;
  }

  /** free_huge_folio(): back into the pool; with the promise, if it was never used. */
  release(folio: Pfn): void {
    const { frames } = this;
    const restore = frames.test(folio, PageFlag.restoreReserve);
    frames.reset(folio, PageFlag.hugetlb);
    this.#enqueue(folio, restore);
  }

  /**
   * dissolve_free_hugetlb_folio(): a free page leaves the pool, but for `poisoned`, which is never used again.
   * @returns false if it is not free, or was promised to somebody
   */
  dissolve(folio: Pfn, poisoned: Pfn): boolean {
    const { frames } = this;
    const node = frames.nodeOf(folio);
    this.#lock.lock();
    const found = this.#available() > 0 && this.#remove(node, folio);
    this.#lock.unlock();
    if (!found) return false;
    frames.mark(poisoned, PageFlag.hwpoison);
    frames.mark(folio, 0, PageFlag.hugetlb);
    frames.refcount.set(folio, 1);
    frames.put(folio);
    return true;
  }

  /** remove_hugetlb_folio() */
  #remove(node: Node, folio: Pfn): boolean {
    const head = this.#heads[node]!;
    let before: Pfn = 0;
    let at = head.get();
    while (at !== 0 && at !== folio) {
      before = at;
      at = this.#next.get(at);
    }
    if (at === 0) return false;
    if (before === 0) head.set(this.#next.get(folio));
    else this.#next.set(before, this.#next.get(folio));
    this.#free[node]!.update((count) => count - 1);
    return true;
  }

  /** enqueue_hugetlb_folio() */
  #enqueue(folio: Pfn, restore: boolean): void {
    const node = this.frames.nodeOf(folio);
    this.#lock.lock();
    if (restore) this.#reserved.update((count) => count + 1);
    this.#next.set(folio, this.#heads[node]!.get());
    this.#heads[node]!.set(folio);
    this.#free[node]!.update((count) => count + 1);
    this.#lock.unlock();
  }
}
