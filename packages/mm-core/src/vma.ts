import { Cell, Shared } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pgoff } from "./addresses.js";
import type { AnonVma } from "./anon-vma.js";
import type { OpenFile } from "./file.js";
import type { ResvMap } from "./hugetlb/resv-map.js";
import type { Mempolicy } from "./mempolicy.js";
import type { Mm } from "./mm.js";

/** vm_flags */
export const VmFlag = {
  read: 1 << 0,
  write: 1 << 1,
  exec: 1 << 2,
  shared: 1 << 3,
  mayRead: 1 << 4,
  mayWrite: 1 << 5,
  mayExec: 1 << 6,
  mayShare: 1 << 7,
  hugepage: 1 << 8,
  nohugepage: 1 << 9,
  hugetlb: 1 << 10,
  locked: 1 << 11,
  lockonfault: 1 << 12,
  dontcopy: 1 << 13,
  wipeonfork: 1 << 14,
  dontexpand: 1 << 15,
  mergeable: 1 << 16,
  noreserve: 1 << 17,
  dontdump: 1 << 18,
  uffdMissing: 1 << 19,
  uffdWp: 1 << 20,
  uffdMinor: 1 << 21,
  sealed: 1 << 22,
  seqRead: 1 << 23,
  randRead: 1 << 24,
  pfnmap: 1 << 25,
} as const;

/** The bits of {@link VmFlag} that say what user space may do. */
export const VM_ACCESS_FLAGS = VmFlag.read | VmFlag.write | VmFlag.exec;

/** What a mapping is. Never changed in place: a change is a new record. */
export interface VmaFields {
  readonly start: Hva;
  /** Exclusive. */
  readonly end: Hva;
  readonly flags: number;
  /** Page offset into the file; for private anonymous memory the page number of `start` at first. */
  readonly pgoff: Pgoff;
  readonly file: OpenFile | null;
  /** vm_policy, by mbind on memory that is no file's. */
  readonly policy: Mempolicy | null;
  /** vm_userfaultfd_ctx; left out: none. */
  readonly uffd?: Shared | undefined;
  /** Of a private mapping of huge pages: that they were promised to it (HPAGE_RESV_OWNER), and which it has had. */
  readonly reserve?: ResvMap | undefined;
}

/** struct vma_numab_state, with scan sequences for its times. */
export interface NumabState {
  readonly startScanSeq: number;
  readonly prevScanSeq: number;
  /** Pids that took a hinting fault in it lately. */
  readonly pidsActive: readonly number[];
}

/** struct vm_area_struct */
export class Vma extends Shared {
  readonly #fields: Cell<VmaFields>;
  /** Set once a page of its own was mapped; under page_table_lock. */
  readonly anonVma: Cell<AnonVma | null>;
  /**
   * Every anon_vma whose pages may be mapped in it (anon_vma_chain): its own, and those it was forked from; under
   * page_table_lock.
   */
  readonly anonChain: Cell<readonly AnonVma[]>;
  /** VM_MAYBE_GUARD: guard markers may stand in its page table. */
  readonly mayHaveGuards: Cell<boolean>;
  /**
   * HPAGE_RESV_UNMAPPED: a huge page of it was taken away so that its owner could have it alone. It gets none any more:
   * zeros would look as if the contents had been lost.
   */
  readonly hasLostPages: Cell<boolean>;
  /** What NUMA balancing remembers of it (vma->numab_state); null until the first scan. */
  readonly numab: Cell<NumabState | null>;

  constructor(
    readonly mm: Mm,
    fields: VmaFields,
  ) {
    super(mm.host.store, `vma ${fields.start.toString(16)}`);
    this.#fields = new Cell(mm.host.store, `vma ${fields.start.toString(16)}`, fields, {
      lock: mm.mmapLock,
      lockless: true,
    });
    this.anonVma = new Cell<AnonVma | null>(mm.host.store, "vma->anon_vma", null, {
      lock: mm.pageTableLock,
      lockless: true,
    });
    this.anonChain = new Cell<readonly AnonVma[]>(mm.host.store, "vma->anon_vma_chain", [], {
      lock: mm.pageTableLock,
      lockless: true,
    });
    this.mayHaveGuards = new Cell(mm.host.store, "vma VM_MAYBE_GUARD", false);
    this.hasLostPages = new Cell(mm.host.store, "vma HPAGE_RESV_UNMAPPED", false);
    this.numab = new Cell<NumabState | null>(mm.host.store, "vma->numab_state", null);
  }

  get fields(): VmaFields {
    return this.#fields.get();
  }

  /** Under mmap_lock held for writing. The tree of the mm is the caller's business. */
  change(change: Partial<VmaFields>): VmaFields {
    return this.#fields.update((old) => ({ ...old, ...change }));
  }

  /** vma_kernel_pagesize(): bytes of the pages that it is made of. */
  get pageSize(): number {
    const { file } = this.fields;
    return file?.ops.pageSize?.(file) ?? PAGE_SIZE;
  }

  /** As it is; not an access. */
  peek(): VmaFields {
    return this.#fields.peek();
  }

  override restore(): void {}
}

/** vma_is_anonymous(): no file's vm_ops. */
export function isAnonymous(fields: VmaFields): boolean {
  return fields.file === null;
}

/** vma_is_accessible() */
export function isAccessible(fields: VmaFields): boolean {
  return (fields.flags & VM_ACCESS_FLAGS) !== 0;
}
