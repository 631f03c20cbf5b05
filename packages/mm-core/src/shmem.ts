import { Cell, nameFunctions, Shared } from "@kvmm/interleave";
import { PAGE_SIZE, type Pfn, type Pgoff, PMD_PAGES, pageAlign, pageAlignDown, pages } from "./addresses.js";
import { hex, type Refusal, type Result, refuse } from "./errno.js";
import type { Fault, FaultOutcome } from "./fault/fault.js";
import { handleUserfault, isUserfaultMinor, isUserfaultMissing } from "./fault/userfaultfd.js";
import { type FileOps, Inode, OpenFile } from "./file.js";
import { filemapCreateFolio, filemapLockFolio, filemapRemoveFolio, unmapMappingRange } from "./filemap.js";
import type { Host } from "./host.js";
import { type Mempolicy, SharedPolicy } from "./mempolicy.js";
import { PageFlag } from "./page-flags.js";
import type { Task } from "./task.js";
import { shmemAddHugeFolio } from "./thp/shmem.js";
import { truncateInodePagesRange } from "./truncate.js";
import { shmemMfillFilemapAdd, shmemMfillFolioAlloc } from "./userfaultfd/shmem.js";
import type { Vma } from "./vma.js";

export const FallocFlag = { keepSize: 1, punchHole: 2 } as const;
export const Seal = { seal: 1, shrink: 2, grow: 4, write: 8, futureWrite: 16, exec: 32 } as const;

/** struct shmem_inode_info: what a memfd keeps besides its pages. */
export class ShmemInfo extends Shared {
  /** {@link Seal} */
  readonly seals: Cell<number>;
  readonly policy: SharedPolicy;

  constructor(host: Host, name: string, seals: number) {
    super(host.store, `${name} shmem_inode_info`);
    this.seals = new Cell(host.store, `${name} seals`, seals);
    this.policy = new SharedPolicy(host.store, name);
  }

  override restore(): void {}
}

/** shmem_file_setup(): a file of shared memory, open. */
export function openShmem(host: Host, name: string, size: number, seals: number = Seal.seal): OpenFile {
  return host.store.create(() => {
    const traits = {
      unevictable: false,
      inaccessible: false,
      movable: true,
      swapbacked: true,
      largeFolios: true,
    };
    const inode = new Inode(host, name, traits, size);
    return new OpenFile(host, name, inode, SHMEM, new ShmemInfo(host, name, seals));
  });
}

function infoOf(file: OpenFile): ShmemInfo {
  return file.data as ShmemInfo;
}

const SHMEM: FileOps = {
  kind: "shmem",
  identity: {
    mode: 0o100777,
    nlink: 0,
    blocksPerPage: 8,
    magic: 0x01021994,
    link: "/memfd: (deleted)",
    isAnonymousInode: false,
  },
  read: shmemRead,
  write: shmemWrite,
  seals: (file) => infoOf(file).seals,
  uffdOps: {
    getFolioNoalloc: (task, file, index) =>
      isHole(file.inode!, index) ? null : shmemGetFolio(task, file.inode!, infoOf(file), index, null),
    allocFolio: (task, file, index) =>
      shmemMfillFolioAlloc(task, file.inode!, index, infoOf(file).policy.lookup(index)),
    filemapAdd: shmemMfillFilemapAdd,
    filemapRemove: (file, index, pfn) => {
      filemapRemoveFolio(file.inode!, index, pfn);
      file.host.frames.unlock(pfn);
    },
  },
  changeable: true,
  executable: true,
  fsync: true,
  release: evictShmem,
  mapsAround: true,
  mmap: () => undefined,
  fault: shmemFault,
  fallocate: shmemFallocate,
  truncate: shmemSetattr,
  getPolicy: (vma: Vma, address) => {
    const { file, pgoff, start } = vma.fields;
    return infoOf(file!).policy.lookup(pgoff + pages(address - start));
  },
  setPolicy: (vma: Vma, start, end, policy: Mempolicy | null) => {
    const { file, pgoff, start: base } = vma.fields;
    const first = pgoff + pages(start - base);
    infoOf(file!).policy.set(first, first + pages(end - start), policy);
    return undefined;
  },
};

/** shmem_evict_inode(): with its last open file a memfd goes, and its memory with it. */
function evictShmem(file: OpenFile): void {
  const inode = file.inode!;
  truncateInodePagesRange(inode, 0, Number.MAX_SAFE_INTEGER);
  freeSwapped(inode, 0, Number.MAX_SAFE_INTEGER);
}

/** shmem_fault() */
function shmemFault(file: OpenFile, fault: Fault): FaultOutcome {
  const inode = file.inode!;
  const { frames } = file.host;
  if (fault.pgoff * PAGE_SIZE >= inode.size.get()) return "SIGBUS";
  const hole = isHole(inode, fault.pgoff);
  if (!hole && isUserfaultMinor(fault)) return handleUserfault(fault, "minor");
  if (hole && isUserfaultMissing(fault)) return handleUserfault(fault, "missing");
  const pfn = shmemGetFolio(fault.task, inode, infoOf(file), fault.pgoff, fault);
  if (pfn === null) return "OOM";
  if (frames.test(pfn, PageFlag.hwpoison)) {
    frames.unlock(pfn);
    frames.put(pfn);
    return "HWPOISON";
  }
  // The file may have been truncated since: a new page would stay beyond its end.
  if (!frames.test(pfn, PageFlag.uptodate) && fault.pgoff * PAGE_SIZE >= inode.size.get()) {
    const folio = frames.folio(pfn);
    filemapRemoveFolio(inode, fault.pgoff - (pfn - folio), folio);
    frames.unlock(folio);
    frames.put(folio);
    return "SIGBUS";
  }
  frames.mark(pfn, PageFlag.uptodate);
  return { pfn };
}

/** filemap_get_entry(): is neither a page nor a swap slot there? */
function isHole(inode: Inode, index: Pgoff): boolean {
  return inode.pages.get(index) === 0 && inode.swapped.get(index) === 0;
}

/**
 * shmem_get_folio_gfp(): the cached page, or the one that is in swap, or a new one, which may be part of a huge one; its
 * folio is locked and has a reference for the caller.
 * @param fault null: for a system call, of which a write may end beyond the file's size, at `writeEnd`
 */
function shmemGetFolio(
  task: Task,
  inode: Inode,
  info: ShmemInfo,
  index: Pgoff,
  fault: Fault | null,
  writeEnd = 0,
): Pfn | null {
  const cached = filemapLockFolio(inode, index);
  if (cached !== null) return cached;
  const policy = info.policy.lookup(index);
  const slot = inode.swapped.get(index);
  const huge = slot === 0 ? shmemAddHugeFolio(task, inode, index, fault, writeEnd, policy) : null;
  if (huge !== null) return huge + (index % PMD_PAGES);
  const pfn = filemapCreateFolio(task, inode, index, policy);
  if (pfn === null || slot === 0) return pfn;
  // shmem_swapin_folio()
  const { frames, swap } = inode.host;
  frames.word.set(pfn, swap.word(slot));
  frames.mark(pfn, PageFlag.uptodate | PageFlag.dirty);
  inode.swapped.set(index, 0);
  swap.put(slot);
  return pfn;
}

/** shmem_free_swap(): what of a range is in swap goes with it. */
function freeSwapped(inode: Inode, start: Pgoff, end: Pgoff): void {
  for (let index = inode.swapped.next(start, end); index >= 0; index = inode.swapped.next(index + 1, end)) {
    inode.host.swap.put(inode.swapped.get(index));
    inode.swapped.set(index, 0);
  }
}

/** shmem_swapin_range(): MADV_WILLNEED brings back what is in swap. */
export function shmemSwapinRange(task: Task, file: OpenFile, start: Pgoff, end: Pgoff): void {
  const inode = file.inode!;
  const { frames } = inode.host;
  for (let index = inode.swapped.next(start, end); index >= 0; index = inode.swapped.next(index + 1, end)) {
    const pfn = shmemGetFolio(task, inode, infoOf(file), index, null);
    if (pfn === null) return;
    frames.unlock(pfn);
    frames.put(pfn);
  }
}

/** shmem_file_read_iter(): holes read as zeros, and stay holes. */
function shmemRead(file: OpenFile, position: number, count: number): number {
  return Math.max(0, Math.min(count, file.inode!.size.get() - position));
}

/** shmem_file_write_iter(): the first word of a page that is written from its beginning reads 0 from then on. */
function shmemWrite(file: OpenFile, position: number, count: number, task: Task): Result<number> {
  const fn = "shmem_write_begin";
  const inode = file.inode!;
  const info = infoOf(file);
  const { frames } = inode.host;
  const end = position + count;
  inode.lock.writeLock();
  const size = inode.size.get();
  const seals = info.seals.get();
  let refused: Refusal | undefined;
  if ((seals & (Seal.write | Seal.futureWrite)) !== 0)
    refused = refuse("EPERM", fn, "the file is sealed against writing");
  else if ((seals & Seal.grow) !== 0 && end > size)
    refused = refuse("EPERM", fn, "the file is sealed against growing");
  for (let index = pages(position); refused === undefined && index * PAGE_SIZE < end; index++) {
    const pfn = shmemGetFolio(task, inode, info, index, null, end);
    if (pfn === null) refused = refuse("ENOSPC", fn, "memory is exhausted");
    else {
      if (index * PAGE_SIZE >= position) frames.word.set(pfn, 0);
      frames.mark(pfn, PageFlag.uptodate | PageFlag.dirty);
      frames.unlock(pfn);
      frames.put(pfn);
    }
  }
  if (refused === undefined && end > size) inode.size.set(end);
  inode.lock.writeUnlock();
  return refused ?? count;
}

/** shmem_fallocate() */
function shmemFallocate(
  file: OpenFile,
  mode: number,
  offset: number,
  length: number,
  task: Task,
): Refusal | undefined {
  const fn = "shmem_fallocate";
  const inode = file.inode!;
  const info = infoOf(file);
  if ((mode & ~(FallocFlag.keepSize | FallocFlag.punchHole)) !== 0) {
    return refuse("EOPNOTSUPP", fn, `mode ${hex(mode)}`, "FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE");
  }
  inode.lock.writeLock();
  const refused =
    (mode & FallocFlag.punchHole) !== 0
      ? punchHole(inode, info, offset, length)
      : allocate(inode, info, offset, length, (mode & FallocFlag.keepSize) !== 0, task);
  inode.lock.writeUnlock();
  return refused;
}

function punchHole(inode: Inode, info: ShmemInfo, offset: number, length: number): Refusal | undefined {
  if ((info.seals.get() & (Seal.write | Seal.futureWrite)) !== 0) {
    return refuse("EPERM", "shmem_fallocate", "the file is sealed against writing");
  }
  const first = pages(pageAlign(offset));
  const last = pages(pageAlignDown(offset + length));
  if (last > first) unmapMappingRange(inode, first, last, false);
  // shmem_truncate_range(): whole pages go; the rest of a partial one is zeroed.
  truncateInodePagesRange(inode, first, last);
  freeSwapped(inode, first, last);
  return undefined;
}

function allocate(
  inode: Inode,
  info: ShmemInfo,
  offset: number,
  length: number,
  keepSize: boolean,
  task: Task,
): Refusal | undefined {
  const size = inode.size.get();
  const end = offset + length;
  if ((info.seals.get() & Seal.grow) !== 0 && end > size) {
    return refuse("EPERM", "shmem_fallocate", "the file is sealed against growing");
  }
  const { frames } = inode.host;
  for (let index = pages(offset); index * PAGE_SIZE < end; index++) {
    const pfn = shmemGetFolio(task, inode, info, index, null);
    if (pfn === null) return refuse("ENOSPC", "shmem_fallocate", "memory is exhausted");
    // Dirty, so that reclaim does not just drop it.
    frames.mark(pfn, PageFlag.uptodate | PageFlag.dirty);
    frames.unlock(pfn);
    frames.put(pfn);
  }
  if (!keepSize && end > size) inode.size.set(end);
  return undefined;
}

/** shmem_setattr() for a new size */
function shmemSetattr(file: OpenFile, size: number): Refusal | undefined {
  const inode = file.inode!;
  const seals = infoOf(file).seals.get();
  const old = inode.size.get();
  if ((size < old && (seals & Seal.shrink) !== 0) || (size > old && (seals & Seal.grow) !== 0)) {
    return refuse(
      "EPERM",
      "shmem_setattr",
      `the file is sealed against ${size < old ? "shrinking" : "growing"}`,
    );
  }
  if (size === old) return undefined;
  inode.size.set(size);
  if (size < old) {
    const hole = pages(pageAlign(size));
    unmapMappingRange(inode, hole, Number.MAX_SAFE_INTEGER, true);
    truncateInodePagesRange(inode, hole, Number.MAX_SAFE_INTEGER);
    freeSwapped(inode, hole, Number.MAX_SAFE_INTEGER);
    // Faults may have come in between.
    unmapMappingRange(inode, hole, Number.MAX_SAFE_INTEGER, true);
  }
  return undefined;
}

nameFunctions({
  shmem_file_setup: openShmem,
  shmem_evict_inode: evictShmem,
  shmem_fault: shmemFault,
  shmem_get_folio_gfp: shmemGetFolio,
  shmem_free_swap: freeSwapped,
  shmem_swapin_range: shmemSwapinRange,
  shmem_file_read_iter: shmemRead,
  shmem_file_write_iter: shmemWrite,
  shmem_fallocate: shmemFallocate,
  shmem_setattr: shmemSetattr,
});
