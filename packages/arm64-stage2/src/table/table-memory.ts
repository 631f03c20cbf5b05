import type { RwLock, Store } from "@kvmm/interleave";
import { hex, type Pa } from "../address.js";
import { type AddressLayout, addressLayout, pteToPhys } from "../descriptor/output-address.js";
import { type Geometry, geometryOf } from "../geometry/geometry.js";
import type { Machine } from "../machine.js";
import { TableError } from "./errors.js";
import { TablePage, type TableStorage } from "./table-page.js";

/** Tables lie here and above unless told otherwise: where no model of the host puts guest memory. */
const DEFAULT_BASE = 2 ** 47;
/** How many tables there can be. With 64K pages they take a quarter of the addresses above the base. */
const SLOTS = 2 ** 29;
/** Concatenated tables lie one after the other, in rows behind the others. */
const MAX_PGD_PAGES = 16;
const PGD_SLOTS = 2 ** 20;
/** Words of freed tables that are kept for new ones. */
const MAX_SPARE = 64;

/**
 * The memory of page tables: gives each its physical address, finds a table by the descriptor that points to it, and
 * knows which are allocated. An address follows from the identity of the page, so that it is the same however tasks
 * that allocate are interleaved (unless two identities fall together, which costs the explorer states, no more).
 */
export class TableMemory {
  readonly geometry: Geometry;
  readonly layout: AddressLayout;
  /** kvm->mmu_lock; null: whoever uses the tables sees to it that nobody else does. */
  readonly lock: RwLock | null;
  /** Sees every store of a descriptor that is made, also those into tables that are not linked yet. */
  onWrite: ((page: TablePage, index: number, lo: number, hi: number) => void) | null = null;
  /**
   * Hardware that is no CPU walks the tables, and its faults are final: what it may see between two stores matters to the
   * explorer, also where mmu_lock is held for writing. A CPU that faults there only tries again.
   */
  hasDevices = false;

  readonly #base: number;
  readonly #live = new Map<number, TablePage>();
  /** Storage of pages that were freed and cannot come back. */
  readonly #spare: TableStorage[] = [];
  #pages = 0;

  constructor(
    readonly store: Store,
    machine: Machine,
    options: { readonly lock?: RwLock; readonly base?: Pa } = {},
  ) {
    this.geometry = geometryOf(machine.pageSize);
    this.layout = addressLayout(machine);
    this.lock = options.lock ?? null;
    this.#base = options.base ?? DEFAULT_BASE;
    const { pageSize } = this.geometry;
    const end = this.#base + (SLOTS + PGD_SLOTS * MAX_PGD_PAGES) * pageSize;
    if (this.#base % (MAX_PGD_PAGES * pageSize) !== 0 || end > 2 ** 48) {
      throw new RangeError(
        `table memory: tables at ${hex(this.#base)} are not aligned, or reach beyond 2^48`,
      );
    }
  }

  /** Pages that are allocated and not freed. */
  get pages(): number {
    return this.#pages;
  }

  /** The tables that are allocated and not freed; concatenated ones are one. */
  live(): IterableIterator<TablePage> {
    return this.#live.values();
  }

  /** Zeroed pages with one reference each. Within a path; see `Store.create`. */
  allocate(name: string, pages = 1): TablePage {
    const { task } = this.store;
    if (task === null) return this.#make(name, pages);
    return this.store.create(() => this.#make(name, pages));
  }

  #make(name: string, pages: number): TablePage {
    const spare = pages === 1 ? this.#spare.pop() : undefined;
    spare?.words.fill(0);
    const words = 2 * pages * this.geometry.ptrsPerPte;
    return new TablePage(this, name, pages, spare ?? { words: new Int32Array(words), children: null });
  }

  /**
   * kvm_pte_follow() of a table descriptor: the table that entry `index` of `page` points to.
   * @throws TableError if there is none
   */
  child(page: TablePage, index: number, lo: number, hi: number): TablePage {
    if (this.store.task !== null) return page.childAsTask(index, lo, hi);
    const known = page.children?.[index];
    if (known !== undefined && known.entryLo === lo && known.entryHi === hi && known.isLive) return known;
    const found = this.find(page, index, lo, hi);
    page.children ??= new Array<TablePage | undefined>(page.length);
    page.children[index] = found;
    return found;
  }

  /** {@link child} as it is now; not an access. */
  find(page: TablePage, index: number, lo: number, hi: number): TablePage {
    const found = this.pointedTo(lo, hi);
    if (found !== undefined) return found;
    const phys = pteToPhys(this.layout, lo, hi);
    throw new TableError(
      "stray descriptor",
      page,
      `entry ${index} of ${page.name} points to a table at ${hex(phys)}, where none is allocated`,
    );
  }

  /** The table at the address that a descriptor has, if one is allocated there. */
  pointedTo(lo: number, hi: number): TablePage | undefined {
    return this.#live.get(pteToPhys(this.layout, lo, hi));
  }

  /** The table at a physical address, if one is allocated there. */
  at(phys: Pa): TablePage | undefined {
    return this.#live.get(phys);
  }

  /** @throws TableError if a page is still allocated: a leak */
  checkEmpty(): void {
    if (this.#pages === 0) return;
    const [first] = this.#live.values();
    throw new TableError(
      "leak",
      first!,
      `${this.#pages} table pages are not freed, among them ${first!.name}`,
    );
  }

  /**
   * The address of a new page: a place of its own by its identity, the next one that is free if another page has
   * that. Called by its constructor.
   */
  place(page: TablePage): Pa {
    const isSingle = page.pages === 1;
    if (page.pages > MAX_PGD_PAGES) throw new RangeError(`table memory: ${page.pages} pages in a row`);
    const first = isSingle ? 0 : SLOTS;
    const stride = isSingle ? 1 : MAX_PGD_PAGES;
    const slots = isSingle ? SLOTS : PGD_SLOTS;
    for (let i = 0; i < slots; i++) {
      const slot = (Math.abs(page.id) + i) % slots;
      const address = this.#base + (first + slot * stride) * this.geometry.pageSize;
      if (!this.#live.has(address)) return address as Pa;
    }
    throw new RangeError(`table memory: no address is left for ${page.name}`);
  }

  /** A page was allocated, freed, or brought back by a rollback. Called by the page. */
  follow(page: TablePage, isLive: boolean): void {
    if (isLive === page.isLive) return;
    page.isLive = isLive;
    if (isLive) {
      this.#live.set(page.pa, page);
      this.#pages += page.pages;
    } else {
      this.#live.delete(page.pa);
      this.#pages -= page.pages;
      const final = this.store.task === null && !this.store.journalling;
      if (final && page.pages === 1 && this.#spare.length < MAX_SPARE) this.#spare.push(page.surrender());
    }
  }
}
