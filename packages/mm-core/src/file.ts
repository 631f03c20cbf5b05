import { Cell, Ordered, RwSemaphore, Shared, Sparse } from "@kvmm/interleave";
import type { Hva, Pfn, Pgoff } from "./addresses.js";
import type { Refusal, Result } from "./errno.js";
import type { Fault, FaultOutcome } from "./fault/fault.js";
import type { Host } from "./host.js";
import type { Mempolicy } from "./mempolicy.js";
import type { Task } from "./task.js";
import type { Vma, VmaFields } from "./vma.js";

/**
 * struct inode with its struct address_space: the page cache, and the mappings of the file. Every kind of file is a
 * subclass of {@link FileOps}; the inode holds what mm itself looks at.
 */
export class Inode extends Shared {
  /** Page cache: offset in pages to pfn, 0 where there is none. */
  readonly pages: Sparse;
  /** Page offset to the swap slot of a page that is not cached, 0 where there is none (the xarray's values). */
  readonly swapped: Sparse;
  /** VMAs that map it, by page offset (i_mmap). */
  readonly mappings: Ordered<Vma>;
  /** i_mmap_rwsem */
  readonly mappingsLock: RwSemaphore;
  /** mapping->invalidate_lock */
  readonly invalidateLock: RwSemaphore;
  /** i_rwsem */
  readonly lock: RwSemaphore;
  /** i_size, in bytes. */
  readonly size: Cell<number>;

  constructor(
    readonly host: Host,
    name: string,
    readonly traits: InodeTraits,
    size = 0,
  ) {
    const { store } = host;
    super(store, name);
    this.pages = new Sparse(store, `${name} page cache`);
    this.swapped = new Sparse(store, `${name} swapped pages`);
    this.mappingsLock = new RwSemaphore(store, `${name} i_mmap_rwsem`);
    this.mappings = new Ordered(store, `${name} i_mmap`, { lock: this.mappingsLock });
    this.invalidateLock = new RwSemaphore(store, `${name} invalidate_lock`);
    this.lock = new RwSemaphore(store, `${name} i_rwsem`);
    this.size = new Cell(store, `${name} i_size`, size);
  }

  /** ->error_remove_folio: memory failure hit a page of it, which is locked and unmapped; the page may leave the file. */
  errorRemoveFolio(_index: Pgoff): void {}

  override restore(): void {}
}

/** What mm asks an address_space before it ages, reclaims or migrates its pages. */
export interface InodeTraits {
  /** AS_UNEVICTABLE */
  readonly unevictable: boolean;
  /** AS_INACCESSIBLE: no copies, no reads through the file. */
  readonly inaccessible: boolean;
  /** Has a migrate_folio that works. */
  readonly movable: boolean;
  /** Pages are backed by swap (shmem). */
  readonly swapbacked: boolean;
  /** AS_LARGE_FOLIO: the page cache may hold folios of more than one page. Not of hugetlb, whose pages have one size. */
  readonly largeFolios?: boolean;
}

/** What user space is told of a kind of file without reading it: fstat, fstatfs, readlink. */
export interface FileIdentity {
  /** st_mode */
  readonly mode: number;
  readonly nlink: number;
  /** Bytes that a cached page counts for in st_blocks, 0 where the file system does not count them. */
  readonly blocksPerPage: number;
  /** statfs's f_type. */
  readonly magic: number;
  /** What /proc/self/fd/N points to. */
  readonly link: string;
  /** IS_ANON_FILE(): an anonymous inode, which cannot be opened again or read ahead. */
  readonly isAnonymousInode: boolean;
}

/** struct vm_uffd_ops: how a userfaultfd's handler fills the holes of a file, and maps what it holds. */
export interface UffdOps {
  /** ->get_folio_noalloc: the page, locked and with a reference; null: there is a hole. */
  readonly getFolioNoalloc: (task: Task, file: OpenFile, index: Pgoff) => Pfn | null;
  /** ->alloc_folio: a new page, with a reference; null: none is to be had, or the file ends before it. */
  readonly allocFolio: (task: Task, file: OpenFile, index: Pgoff) => Pfn | null;
  /** ->filemap_add: into the file, and locked from here on. @returns false: a page is there already */
  readonly filemapAdd: (task: Task, file: OpenFile, index: Pgoff, pfn: Pfn) => boolean;
  /** ->filemap_remove: out of it again, and unlocked. */
  readonly filemapRemove: (file: OpenFile, index: Pgoff, pfn: Pfn) => void;
}

/** struct file_operations, vm_operations_struct and the like: what distinguishes one kind of file from another. */
export interface FileOps {
  /** The file system's name: "guest_memfd", "shmem", "null". */
  readonly kind: string;
  readonly identity?: FileIdentity;
  /** ->read_iter, at a position (FMODE_PREAD). Undefined: the file cannot be read. @returns bytes */
  readonly read?: (file: OpenFile, position: number, count: number) => Result<number>;
  /** ->write_iter, at a position (FMODE_PWRITE). What is written is not modelled. @returns bytes */
  readonly write?: (file: OpenFile, position: number, count: number, task: Task) => Result<number>;
  /** The seals of the file (memfd_file_seals_ptr). Undefined: it cannot be sealed. */
  readonly seals?: (file: OpenFile) => Cell<number>;
  /** vm_ops->uffd_ops: userfaultfd can be asked for its pages. */
  readonly uffdOps?: UffdOps;
  /** Mode and times can be changed. */
  readonly changeable?: boolean;
  /** ->mmap: why not, or what the mapping has besides. Undefined: the file cannot be mapped (ENODEV). */
  readonly mmap?: (file: OpenFile, vma: VmaFields) => Refusal | Partial<VmaFields> | undefined;
  /** {@link VmFlag} that its mappings have. */
  readonly vmFlags?: number;
  /** vm_ops->pagesize: bytes of the pages that its mappings are made of, if not PAGE_SIZE. */
  readonly pageSize?: (file: OpenFile) => number;
  /** vm_ops->close: a mapping goes. */
  readonly closeMapping?: (vma: Vma) => void;
  /** ->fault: the page at `fault.pgoff`, with a reference and locked. */
  readonly fault?: (file: OpenFile, fault: Fault) => FaultOutcome;
  /** Its mount allows execution (not SB_I_NOEXEC): it can be mapped executable. */
  readonly executable?: boolean;
  /** Read faults map what is cached around them (->map_pages). */
  readonly mapsAround?: boolean;
  /** ->fallocate. Undefined: EOPNOTSUPP. */
  readonly fallocate?: (
    file: OpenFile,
    mode: number,
    offset: number,
    length: number,
    task: Task,
  ) => Refusal | undefined;
  /** ->setattr for a new size. Undefined: EINVAL. */
  readonly truncate?: (file: OpenFile, size: number) => Refusal | undefined;
  /** Has an ->fsync. Undefined: EINVAL. */
  readonly fsync?: boolean;
  /** vm_ops->get_policy: the policy of the file at this offset, or null. */
  readonly getPolicy?: (vma: Vma, address: Hva) => Mempolicy | null;
  /** vm_ops->set_policy */
  readonly setPolicy?: (vma: Vma, start: Hva, end: Hva, policy: Mempolicy | null) => Refusal | undefined;
  /** ->release: the last reference to the open file went. */
  readonly release?: (file: OpenFile) => void;
}

/** struct file */
export class OpenFile extends Shared {
  /** References: descriptors, mappings, calls in progress. */
  readonly count: Cell<number>;
  /** f_pos */
  readonly position: Cell<number>;
  /** O_APPEND, O_NONBLOCK and the like of f_flags. */
  readonly statusFlags: Cell<number>;

  constructor(
    readonly host: Host,
    name: string,
    readonly inode: Inode | null,
    readonly ops: FileOps,
    /** What the kind of file keeps for itself (private_data). */
    readonly data: Shared | null = null,
    /** FMODE_READ, FMODE_WRITE */
    readonly access: { readonly read: boolean; readonly write: boolean } = { read: true, write: true },
  ) {
    super(host.store, name);
    this.count = new Cell(host.store, `${name} f_ref`, 1);
    this.position = new Cell(host.store, `${name} f_pos`, 0);
    this.statusFlags = new Cell(host.store, `${name} f_flags`, 0);
  }

  /** get_file() */
  get(): this {
    this.count.update((n) => n + 1);
    return this;
  }

  /** get_file_active(): fails once the last reference went. */
  tryGet(): boolean {
    return this.count.update((n) => (n === 0 ? 0 : n + 1)) !== 0;
  }

  /** fput(): the last one releases the file. */
  put(): void {
    if (this.count.update((n) => n - 1) === 0) this.ops.release?.(this);
  }

  override restore(): void {}
}

/** Where in the file an address of a mapping lies (linear_page_index). */
export function pgoffOf(vma: VmaFields, address: Hva): Pgoff {
  return vma.pgoff + Math.floor((address - vma.start) / 4096);
}
