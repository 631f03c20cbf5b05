import type { Shared, Store } from "@kvmm/interleave";
import type { Node, Pfn } from "./addresses.js";
import { Column } from "./column.js";
import { LargeMapcount } from "./large-mapcount.js";
import { PageFlag, PER_PAGE } from "./page-flags.js";
import { type Order, PMD_NR, Zones } from "./zones.js";

/** A count went wrong: a bug in the model, or a behaviour under review that breaks the kernel's rules. */
export class FrameError extends Error {
  override name = "FrameError";
}

/**
 * Host memory: page frames on NUMA nodes, with what struct page says of each. A frame is free while its reference
 * count is 0.
 *
 * References, locks, the mapping and most flags belong to the folio: methods take any of its pages. Of the columns
 * only {@link word} is per page: the others are to be asked with {@link folio}.
 */
export class Frames {
  readonly refcount: Column;
  /** folio_mapcount(): entries that map the folio or a page of it. */
  readonly mapcount: Column;
  /** folio_entire_mapcount(): entries that map all of a large folio at once. */
  readonly entireMapcount: Column;
  readonly flags: Column;
  /** Page offset within the mapping (folio->index). */
  readonly index: Column;
  /** What a guest or the VMM reads in the frame's first word: contents as far as they can be observed. */
  readonly word: Column;
  /** Who touched it last for NUMA balancing (folio_last_cpupid), plus one; 0 when unset. */
  readonly lastCpupid: Column;
  /** folio->_pincount, of large folios: how often they are pinned. */
  readonly pincount: Column;
  /** Which processes map a large folio. */
  readonly largeMapcount: LargeMapcount;
  /** free_huge_folio(): takes the huge pages of hugetlb that nobody holds any more. */
  freeHugeFolio: ((folio: Pfn) => void) | null = null;
  readonly #mapping: Column;
  /** At each page that a PMD entry could begin with: the order of the large folio that it is part of, or 0. */
  readonly #compound: Column;
  readonly #zones: Zones;
  readonly #owners = new Map<number, Shared>();

  constructor(
    store: Store,
    readonly nodes: number,
    framesPerNode: number,
  ) {
    this.refcount = new Column(store, "folio->_refcount");
    this.mapcount = new Column(store, "folio->_mapcount");
    this.entireMapcount = new Column(store, "folio->_entire_mapcount");
    this.flags = new Column(store, "folio->flags");
    this.index = new Column(store, "folio->index");
    this.word = new Column(store, "page contents");
    this.lastCpupid = new Column(store, "folio->_last_cpupid");
    this.pincount = new Column(store, "folio->_pincount");
    this.largeMapcount = new LargeMapcount(store);
    this.#mapping = new Column(store, "folio->mapping");
    this.#compound = new Column(store, "page->compound_head", undefined, true);
    this.#zones = new Zones(store, nodes, framesPerNode);
  }

  nodeOf(pfn: Pfn): Node {
    return this.#zones.nodeOf(pfn);
  }

  /** Frames in use on a node, as it is. */
  used(node: Node): number {
    return this.#zones.used(node);
  }

  /** page_folio(): the first page of the folio that a page belongs to. */
  folio(pfn: Pfn): Pfn {
    const order = this.#compound.get(pfn - (pfn % PMD_NR));
    return order === 0 ? pfn : pfn - (pfn % 2 ** order);
  }

  /** folio_order() of any of its pages. */
  order(pfn: Pfn): Order {
    return this.#compound.get(pfn - (pfn % PMD_NR)) as Order;
  }

  /** folio_nr_pages() of any of its pages. */
  pagesOf(pfn: Pfn): number {
    return 2 ** this.order(pfn);
  }

  /**
   * Takes a folio with one reference, zeroed (`word` 0), from `node`, else from the nearest other one that `allowed`
   * holds.
   * @param allowed nodes to take from; null: all
   * @returns its first pfn, or null when all of them are full
   */
  alloc(node: Node, allowed: readonly Node[] | null = null, order: Order = 0): Pfn | null {
    for (let distance = 0; distance < this.nodes; distance++) {
      const candidate = (node + distance) % this.nodes;
      if (allowed !== null && !allowed.includes(candidate)) continue;
      const pfn = order === 0 ? this.#zones.takeSmall(candidate) : this.#zones.takeLarge(candidate, order);
      if (pfn === null) continue;
      if (order !== 0) this.#setOrder(pfn, order, order);
      this.#zones.count(candidate, 2 ** order);
      this.refcount.set(pfn, 1);
      return pfn;
    }
    return null;
  }

  /** Says of the 2^`order` pages from `pfn` on that they are one folio (`now` equal to `order`), or small ones (0). */
  #setOrder(pfn: Pfn, order: 9 | 18, now: Order): void {
    for (let at = pfn; at < pfn + 2 ** order; at += PMD_NR) this.#compound.set(at, now);
  }

  /** The first pages of all large folios, free or not, by node. */
  largeFolios(): readonly Pfn[] {
    const found: Pfn[] = [];
    for (let node = 0; node < this.nodes; node++) {
      for (const pfn of this.#zones.largeBlocks(node)) {
        if (this.order(pfn) !== 0 && this.folio(pfn) === pfn) found.push(pfn);
      }
    }
    return found;
  }

  /** folio_get() */
  get(pfn: Pfn): void {
    if (this.refcount.add(this.folio(pfn), 1) === 1)
      throw new FrameError(`reference taken to free frame ${pfn}`);
  }

  /** folio_ref_add() */
  getMany(pfn: Pfn, references: number): void {
    if (this.refcount.add(this.folio(pfn), references) <= references) {
      throw new FrameError(`references taken to free frame ${pfn}`);
    }
  }

  /** folio_try_get(): fails on a free frame. */
  tryGet(pfn: Pfn): boolean {
    return this.refcount.addUnlessZero(this.folio(pfn), 1);
  }

  /** folio_put(): frees the folio with the last reference. */
  put(pfn: Pfn): void {
    this.putMany(pfn, 1);
  }

  /** folio_put_refs() */
  putMany(pfn: Pfn, references: number): void {
    const order = this.order(pfn);
    const folio = order === 0 ? pfn : pfn - (pfn % 2 ** order);
    const left = this.refcount.add(folio, -references);
    if (left < 0) throw new FrameError(`frame ${pfn} put once too often`);
    if (left === 0) this.#free(folio, order);
  }

  #free(folio: Pfn, order: Order): void {
    if (this.mapcount.get(folio) !== 0) throw new FrameError(`frame ${folio} freed while mapped`);
    this.#mapping.set(folio, 0);
    this.index.set(folio, 0);
    this.lastCpupid.set(folio, 0);
    if (order !== 0 && this.freeHugeFolio !== null && this.test(folio, PageFlag.hugetlb)) {
      this.freeHugeFolio(folio);
      return;
    }
    this.#zones.count(this.nodeOf(folio), -(2 ** order));
    if (order === 0) this.#freePage(folio);
    else this.#freeLarge(folio, order);
  }

  #freePage(pfn: Pfn): void {
    const flags = this.flags.get(pfn);
    this.word.set(pfn, 0);
    this.flags.set(pfn, flags & PageFlag.hwpoison);
    // A poisoned frame is never handed out again.
    if ((flags & PageFlag.hwpoison) === 0) this.#zones.giveSmall(pfn);
  }

  #freeLarge(folio: Pfn, order: 9 | 18): void {
    this.#setOrder(folio, order, 0);
    for (let base = folio; base < folio + 2 ** order; base += PMD_NR) {
      const poisoned = this.#allAtOnce("free_pages", () => {
        let found = false;
        for (let pfn = base; pfn < base + PMD_NR; pfn++) {
          if ((this.flags.get(pfn) & PageFlag.hwpoison) !== 0) found = true;
          else {
            this.word.set(pfn, 0);
            this.flags.set(pfn, 0);
          }
        }
        return found;
      });
      if (!poisoned) this.#zones.giveLarge(base);
      else for (let pfn = base; pfn < base + PMD_NR; pfn++) this.#freePage(pfn);
    }
  }

  /** One step for what is done to all pages of a large folio while nobody else may look at them. */
  #allAtOnce<T>(name: string, body: () => T): T {
    return this.refcount.store.atomic(name, body);
  }

  /** take_page_off_buddy(): a free small frame is poisoned and never handed out again. @returns false if it is not free */
  retire(pfn: Pfn): boolean {
    if (this.refcount.get(pfn) !== 0) return false;
    if (!this.#zones.remove(pfn)) return false;
    this.flags.exchangeBits(pfn, PageFlag.hwpoison, 0);
    return true;
  }

  /** Empties the pages of a folio, whose flags become `flags`; what is poisoned stays so. */
  reset(folio: Pfn, flags: number): void {
    const end = folio + this.pagesOf(folio);
    this.#allAtOnce("free_huge_folio", () => {
      for (let pfn = folio; pfn < end; pfn++) {
        this.word.set(pfn, 0);
        const poisoned = this.flags.get(pfn) & PageFlag.hwpoison;
        this.flags.set(pfn, pfn === folio ? flags | poisoned : poisoned);
      }
    });
  }

  /**
   * Copies the contents of a folio, and which of its later pages one process has to itself (folio_mc_copy(),
   * copy_user_large_folio()); of a large one in one step.
   */
  copy(to: Pfn, from: Pfn): void {
    const pages = this.pagesOf(from);
    if (pages === 1) {
      this.word.set(to, this.word.get(from));
      return;
    }
    this.#allAtOnce("folio_mc_copy", () => {
      for (let page = 0; page < pages; page++) {
        this.word.set(to + page, this.word.get(from + page));
        if (page > 0)
          this.flags.exchangeBits(to + page, this.flags.get(from + page) & PageFlag.anonExclusive, 0);
      }
    });
  }

  /** Sets flags of each page of a large folio but the first. Under the page_table_lock of its only mapping. */
  markTails(folio: Pfn, set: number): void {
    const end = folio + this.pagesOf(folio);
    this.#allAtOnce("SetPageAnonExclusive", () => {
      for (let pfn = folio + 1; pfn < end; pfn++) this.flags.exchangeBits(pfn, set, 0);
    });
  }

  /**
   * __split_folio_to_order() to order 0, with folio_ref_unfreeze(): each page of a large folio that nobody maps becomes
   * a folio of its own with `references` of them.
   */
  split(folio: Pfn, references: number): void {
    const order = this.order(folio) as 9 | 18;
    const flags = this.flags.get(folio);
    const mapping = this.#mapping.get(folio);
    const index = this.index.get(folio);
    const cpupid = this.lastCpupid.get(folio);
    this.#allAtOnce("__split_folio_to_order", () => {
      this.#setOrder(folio, order, 0);
      this.refcount.set(folio, references);
      for (let page = 1; page < 2 ** order; page++) {
        const pfn = folio + page;
        this.refcount.set(pfn, references);
        this.flags.exchangeBits(pfn, flags & ~PER_PAGE, 0);
        this.#mapping.set(pfn, mapping);
        this.index.set(pfn, index + page);
        this.lastCpupid.set(pfn, cpupid);
      }
    });
  }

  test(pfn: Pfn, flag: number): boolean {
    return (this.flags.get((flag & PER_PAGE) === 0 ? this.folio(pfn) : pfn) & flag) !== 0;
  }

  /** All the flags of a page, its own and its folio's. */
  flagsOf(pfn: Pfn): number {
    const folio = this.folio(pfn);
    const flags = this.flags.get(folio);
    return folio === pfn ? flags : (flags & ~PER_PAGE) | this.flags.get(pfn);
  }

  mark(pfn: Pfn, set: number, clear = 0): void {
    const folio = this.folio(pfn);
    if (folio === pfn) this.flags.exchangeBits(pfn, set, clear);
    else {
      if (((set | clear) & ~PER_PAGE) !== 0)
        this.flags.exchangeBits(folio, set & ~PER_PAGE, clear & ~PER_PAGE);
      if (((set | clear) & PER_PAGE) !== 0) this.flags.exchangeBits(pfn, set & PER_PAGE, clear & PER_PAGE);
    }
  }

  /** folio_trylock() */
  trylock(pfn: Pfn): boolean {
    return (this.flags.exchangeBits(this.folio(pfn), PageFlag.locked, 0) & PageFlag.locked) === 0;
  }

  /** folio_lock(). Alone: throws a LockError if it is locked. */
  lock(pfn: Pfn): void {
    this.flags.lockBit(this.folio(pfn));
  }

  unlock(pfn: Pfn): void {
    if ((this.flags.exchangeBits(this.folio(pfn), 0, PageFlag.locked) & PageFlag.locked) === 0) {
      throw new FrameError(`frame ${pfn} unlocked, but it was not locked`);
    }
  }

  /** The address space or anon_vma that the frame belongs to (folio->mapping). */
  mapping(pfn: Pfn): Shared | null {
    const id = this.#mapping.get(this.folio(pfn));
    return id === 0 ? null : this.#owners.get(id)!;
  }

  setMapping(pfn: Pfn, owner: Shared | null, index: number): void {
    if (owner !== null) this.#owners.set(owner.id, owner);
    const folio = this.folio(pfn);
    this.#mapping.set(folio, owner === null ? 0 : owner.id);
    this.index.set(folio, index);
  }

  /** linear page index of a page: its folio's plus its place within (page_pgoff()). */
  indexOf(pfn: Pfn): number {
    const folio = this.folio(pfn);
    return this.index.get(folio) + (pfn - folio);
  }
}
