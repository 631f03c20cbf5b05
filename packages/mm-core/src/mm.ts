import { Cell, Ordered, RwSemaphore, Shared, SpinLock } from "@kvmm/interleave";
import { entryEnd, type Hva, PGDIR_SIZE, PMD_SIZE, PUD_SIZE } from "./addresses.js";
import type { OpenFile } from "./file.js";
import type { Host } from "./host.js";
import { leafAt } from "./leaf.js";
import type { MmuNotifier } from "./notifier.js";
import { ENTRY_SIZE, Table } from "./page-table.js";
import { type Pte, PteFlag, pteHas } from "./pte.js";
import type { Vma } from "./vma.js";

/** struct mm_struct */
export class Mm extends Shared {
  readonly mmapLock: RwSemaphore;
  /** Files of mappings that are gone, to be put once mmap_lock is dropped: fput() leaves that to the way out. */
  readonly delayedPuts: Cell<readonly OpenFile[]>;
  /** By address. */
  readonly vmas: Ordered<Vma>;
  /** One lock for all tables; the kernel splits it per table, which only allows more at a time. */
  readonly pageTableLock: SpinLock;
  readonly pgd: Table;
  /** mmu_notifier_subscriptions, in the order of registration. */
  readonly notifiers: Cell<readonly (MmuNotifier & Shared)[]>;

  /** Processes that use it (mm_users): more than one after vfork. */
  readonly users: Cell<number>;
  /** Those of them that were killed, and have not let go of it yet. */
  readonly dyingUsers: Cell<number>;
  /** MMF_HAS_PINNED: pages of it were pinned at some time. */
  readonly hasPinned: Cell<boolean>;
  /** VM flags that new mappings get (def_flags): by mlockall(MCL_FUTURE). */
  readonly defFlags: Cell<number>;
  /** Passes that NUMA balancing has made over the address space, and where the next one begins. */
  readonly numaScanSeq: Cell<number>;
  readonly numaScanOffset: Cell<Hva>;

  constructor(
    readonly host: Host,
    name: string,
  ) {
    const { store } = host;
    super(store, name);
    this.users = new Cell(store, `${name}->mm_users`, 1);
    this.dyingUsers = new Cell(store, `${name} users that die`, 0);
    this.hasPinned = new Cell(store, `${name} MMF_HAS_PINNED`, false);
    this.defFlags = new Cell(store, `${name}->def_flags`, 0);
    this.numaScanSeq = new Cell(store, `${name}->numa_scan_seq`, 0);
    this.numaScanOffset = new Cell<Hva>(store, `${name}->numa_scan_offset`, 0);
    this.mmapLock = new RwSemaphore(store, `${name}->mmap_lock`);
    this.delayedPuts = new Cell<readonly OpenFile[]>(store, `${name} delayed fput`, [], {
      lock: this.mmapLock,
    });
    this.vmas = new Ordered(store, `${name}->mm_mt`, { lock: this.mmapLock });
    this.pageTableLock = new SpinLock(store, `${name}->page_table_lock`);
    this.pgd = new Table(store, 3, 0, { lock: this.pageTableLock, lockless: true });
    this.notifiers = new Cell<readonly (MmuNotifier & Shared)[]>(
      store,
      `${name}->notifier_subscriptions`,
      [],
    );
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

  /**
   * pmd_addr_end(), and pud_addr_end() and pgd_addr_end() where there is no table below: the end of what one page-middle
   * entry maps, or of what has none, within `end`.
   */
  pmdEnd(address: Hva, end: Hva): Hva {
    const pud = this.pud(address);
    if (pud === null) return entryEnd(address, PGDIR_SIZE, end);
    return entryEnd(address, pud.child(pud.indexOf(address)) === null ? PUD_SIZE : PMD_SIZE, end);
  }

  /** The table of PUD entries that maps an address, or null. */
  pud(address: Hva): Table | null {
    return this.pgd.child(this.pgd.indexOf(address));
  }

  /** pud_alloc(): the table of PUD entries, made where there is none. */
  allocPud(address: Hva): Table {
    return this.#descend(this.pgd, address);
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

  /** pte_alloc() where no huge page can be mapped: the table of PTEs, made where there is none. */
  allocPte(address: Hva): Table {
    const table = this.tryAllocPte(address);
    if (table === null) throw new Error(`a huge page is mapped at ${address.toString(16)}`);
    return table;
  }

  /** pte_alloc(): the table of PTEs, made where there is none; null where a huge page is mapped. */
  tryAllocPte(address: Hva): Table | null {
    const pmd = this.allocPmd(address);
    const index = pmd.indexOf(address);
    const child = pmd.child(index);
    if (child !== null) return child;
    const made = this.newTable(0, address);
    this.pageTableLock.lock();
    const raced = pmd.child(index);
    const huge = raced === null && pmd.get(index) !== 0;
    if (raced === null && !huge) pmd.setChild(index, made);
    this.pageTableLock.unlock();
    return huge ? null : (raced ?? made);
  }

  #descend(table: Table, address: Hva): Table {
    const index = table.indexOf(address);
    const child = table.child(index);
    if (child !== null) return child;
    const made = this.newTable((table.level - 1) as 1 | 2, address);
    this.pageTableLock.lock();
    const raced = table.child(index);
    if (raced === null) table.setChild(index, made);
    this.pageTableLock.unlock();
    return raced ?? made;
  }

  /** pte_alloc_one() and its like: a table for the entry that maps `address`, empty unless `entries` fills it. */
  newTable(level: 0 | 1 | 2, address: Hva, entries?: (index: number) => Pte): Table {
    const { store } = this.host;
    const base = address - (address % ENTRY_SIZE[level + 1]!);
    return store.create(
      () => new Table(store, level, base, { lock: this.pageTableLock, lockless: true }, entries),
    );
  }

  /** Drops mmap_lock, held for writing, and then what was waiting for it. */
  writeUnlock(): void {
    const files = this.delayedPuts.get();
    if (files.length > 0) this.delayedPuts.set([]);
    this.mmapLock.writeUnlock();
    for (const file of files) file.put();
  }

  override restore(): void {}
}

/**
 * Bytes that the host's entry for an address maps, as a walk of its page table tells without locks (KVM/arm64's
 * get_user_mapping_size); null when there is none any more.
 */
export function userMappingSize(mm: Mm, address: Hva): number | null {
  const leaf = leafAt(mm, address);
  return leaf !== null && pteHas(leaf.pte, PteFlag.valid) ? ENTRY_SIZE[leaf.table.level] : null;
}
