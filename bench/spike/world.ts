import { Cell, RwLock, RwSemaphore, SpinLock, Srcu, Store, Words } from "@kvmm/interleave";

/** What a stage-2 fault and an invalidation share, for one page. */
export class World {
  readonly store = new Store();
  /** Only for the generators that do not suspend when they run alone. */
  exploring = false;
  readonly srcu = new Srcu(this.store, "kvm->srcu");
  readonly slots = new Cell(this.store, "kvm->memslots", 1);
  readonly mmapLock = new RwSemaphore(this.store, "mm->mmap_lock");
  readonly vmaShift = new Cell(this.store, "vma->shift", 12, { lock: this.mmapLock });
  readonly ptl = new SpinLock(this.store, "pte lock");
  readonly pte = new Words(this.store, "pte", 4);
  readonly lastPfn = new Cell(this.store, "last pfn", 0, { lock: this.ptl });
  readonly mmuLock = new RwLock(this.store, "kvm->mmu_lock");
  readonly seq = new Cell(this.store, "kvm->mmu_invalidate_seq", 0, { lock: this.mmuLock, lockless: true });
  readonly inProgress = new Cell(this.store, "kvm->mmu_invalidate_in_progress", 0, { lock: this.mmuLock });
  readonly rangeStart = new Cell(this.store, "kvm->mmu_invalidate_range_start", 0, { lock: this.mmuLock });
  readonly rangeEnd = new Cell(this.store, "kvm->mmu_invalidate_range_end", 0, { lock: this.mmuLock });
  /** One table for each level; entries change under the read lock too, so they have no guard. */
  readonly tables = [0, 1, 2, 3].map((level) => new Words(this.store, `stage 2, level ${level}`, 4));

  constructor() {
    for (const table of this.tables.slice(0, 3)) table.set(0, TABLE);
  }

  /** The guest can reach a page that the host no longer has there. */
  stale(): string | undefined {
    const entry = this.tables[3]!.peek()[GFN]!;
    const fine = entry === 0 || entry === this.pte.peek()[GFN]! || this.inProgress.peek() > 0;
    return fine ? undefined : "stale translation";
  }
}

export const TABLE = 3;
export const GFN = 2;
export const LEAF_LEVEL = 3;
