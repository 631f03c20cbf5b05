import { Cell, Ordered, RwSemaphore, Shared, SpinLock } from "@kvmm/interleave";
import { entryEnd, type Hva } from "./addresses.js";
import type { Host } from "./host.js";
import type { MmuNotifier } from "./notifier.js";
import { ENTRY_SIZE, Table } from "./page-table.js";
import type { Vma } from "./vma.js";

/** struct mm_struct */
export class Mm extends Shared {
  readonly mmapLock: RwSemaphore;
  /** By address. */
  readonly vmas: Ordered<Vma>;
  /** One lock for all tables; the kernel splits it per table, which only allows more at a time. */
  readonly pageTableLock: SpinLock;
  readonly pgd: Table;
  /** mmu_notifier_subscriptions, in the order of registration. */
  readonly notifiers: Cell<readonly (MmuNotifier & Shared)[]>;

  constructor(
    readonly host: Host,
    name: string,
  ) {
    const { store } = host;
    super(store, name);
    this.mmapLock = new RwSemaphore(store, `${name}->mmap_lock`);
    this.vmas = new Ordered(store, `${name}->mm_mt`, { lock: this.mmapLock });
    this.pageTableLock = new SpinLock(store, `${name}->page_table_lock`);
    this.pgd = new Table(store, 3, 0, { lock: this.pageTableLock, lockless: true });
    this.notifiers = new Cell<readonly (MmuNotifier & Shared)[]>(store, `${name}->notifier_subscriptions`, []);
  }

  /** vma_lookup(): the mapping that holds an address. Under mmap_lock. */
  vmaAt(address: Hva): Vma | undefined {
    return this.vmas.first(address, address + 1);
  }

  /** The page-middle table that maps an address, or null. */
  pmd(address: Hva): Table | null {
    const pud = this.pgd.child(this.pgd.indexOf(address));
    return pud === null ? null : pud.child(pud.indexOf(address));
  }

  /** The table of PTEs that maps an address, or null: nothing there, or a huge page. */
  pteTable(address: Hva): Table | null {
    const pmd = this.pmd(address);
    return pmd === null ? null : pmd.child(pmd.indexOf(address));
  }

  /** pmd_alloc(): the page-middle table, made where there is none. */
  allocPmd(address: Hva): Table {
    return this.#descend(this.#descend(this.pgd, address), address);
  }

  /** pte_alloc(): the table of PTEs, made where there is none. */
  allocPte(address: Hva): Table {
    return this.#descend(this.allocPmd(address), address);
  }

  #descend(table: Table, address: Hva): Table {
    const index = table.indexOf(address);
    const child = table.child(index);
    if (child !== null) return child;
    const { store } = this.host;
    const level = (table.level - 1) as 0 | 1 | 2;
    const base = address - (address % ENTRY_SIZE[table.level]);
    const made = store.create(
      () => new Table(store, level, base, { lock: this.pageTableLock, lockless: true }),
    );
    this.pageTableLock.lock();
    const raced = table.child(index);
    if (raced === null) table.setChild(index, made);
    this.pageTableLock.unlock();
    return raced ?? made;
  }

  override restore(): void {}
}

/** Calls `visit` for each part of `[start, end)` that lies within one entry of a table. */
export function forEachEntry(
  table: Table,
  start: Hva,
  end: Hva,
  visit: (index: number, start: Hva, end: Hva) => void,
): void {
  const size = ENTRY_SIZE[table.level];
  for (let address = start; address < end; ) {
    const next = entryEnd(address, size, end);
    visit(table.indexOf(address), address, next);
    address = next;
  }
}
