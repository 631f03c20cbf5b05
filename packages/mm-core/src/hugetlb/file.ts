import { PAGE_SIZE, type Pfn, type Pgoff, pages } from "../addresses.js";
import { hex, type Refusal, refuse } from "../errno.js";
import { type FileOps, Inode, OpenFile } from "../file.js";
import { filemapLockFolio } from "../filemap.js";
import type { Host } from "../host.js";
import { leafAt } from "../leaf.js";
import { placement, taskPolicy } from "../mempolicy.js";
import { PageFlag } from "../page-flags.js";
import { ptePfn, ptePresent } from "../pte.js";
import { FallocFlag, Seal } from "../shmem.js";
import type { Task } from "../task.js";
import { type Vma, type VmaFields, VmFlag } from "../vma.js";
import type { Hstate } from "./hstate.js";
import { HugetlbInfo, hugeIndex, hugeIndexOf, hugetlbInfo } from "./hugetlb-info.js";
import { ResvMap } from "./resv-map.js";
import { type HugeUnmap, unmapHugepageRange } from "./unmap.js";

/** hugetlb_file_setup(): a file of huge pages, open. Nothing is promised to it yet. */
export function openHugetlb(
  host: Host,
  name: string,
  hstate: Hstate,
  size: number,
  seals: number = Seal.seal,
): OpenFile {
  return host.store.create(() => {
    const traits = { unevictable: true, inaccessible: false, movable: true, swapbacked: false };
    const inode = new Inode(host, name, traits, size);
    return new OpenFile(host, name, inode, HUGETLBFS, new HugetlbInfo(host, name, hstate, seals));
  });
}

const HUGETLBFS: FileOps = {
  kind: "hugetlbfs",
  executable: true,
  vmFlags: VmFlag.hugetlb | VmFlag.dontexpand,
  pageSize: (file) => hugetlbInfo(file).hstate.size,
  mmap: hugetlbfsFileMmap,
  closeMapping: hugetlbVmOpClose,
  fallocate: hugetlbfsFallocate,
  truncate: hugetlbfsSetattr,
  getPolicy: (vma: Vma, address) => {
    const { file } = vma.fields;
    return hugetlbInfo(file!).policy.lookup(hugeIndex(vma.fields, address));
  },
  setPolicy: (vma: Vma, start, end, policy) => {
    const { fields } = vma;
    hugetlbInfo(fields.file!).policy.set(hugeIndex(fields, start), hugeIndex(fields, end), policy);
    return undefined;
  },
  // hugetlbfs_evict_inode(): a file without a name goes with its last opener.
  release: (file) => {
    removeInodeHugepages(file.inode!, hugetlbInfo(file), 0, Number.POSITIVE_INFINITY);
  },
};

/** hugetlbfs_file_mmap(), hugetlb_reserve_pages(): what a mapping can use is promised to it. */
function hugetlbfsFileMmap(file: OpenFile, fields: VmaFields): Refusal | Partial<VmaFields> | undefined {
  const { hstate, reserve } = hugetlbInfo(file);
  const inode = file.inode!;
  if (fields.pgoff % hstate.pages !== 0) {
    return refuse(
      "EINVAL",
      "hugetlbfs_file_mmap",
      `offset ${hex(fields.pgoff * PAGE_SIZE)} is not aligned to ${hex(hstate.size)}`,
    );
  }
  const length = fields.end - fields.start;
  const from = hugeIndexOf(fields.pgoff, hstate);
  const to = from + length / hstate.size;
  const isShared = (fields.flags & VmFlag.mayShare) !== 0;
  const isPromised = (fields.flags & VmFlag.noreserve) === 0;
  inode.lock.writeLock();
  if (isPromised) {
    const refused = hstate.account(isShared ? reserve.missing(from, to) : to - from);
    if (refused !== undefined) {
      inode.lock.writeUnlock();
      return refused;
    }
    if (isShared) reserve.addRange(from, to);
  }
  const last = fields.pgoff * PAGE_SIZE + length;
  if ((fields.flags & VmFlag.write) !== 0 && inode.size.get() < last) inode.size.set(last);
  inode.lock.writeUnlock();
  if (isShared || !isPromised) return undefined;
  return { reserve: file.host.store.create(() => new ResvMap(file.host.store, "private mapping")) };
}

/** hugetlb_vm_op_close(): what a private mapping was promised and did not use is free again. */
function hugetlbVmOpClose({ fields }: Vma): void {
  const { reserve, file, start, end } = fields;
  if (reserve === undefined) return;
  hugetlbInfo(file!).hstate.account(-reserve.missing(hugeIndex(fields, start), hugeIndex(fields, end)));
}

/** hugetlb_add_to_page_cache(): with a reference of the cache's own. The page is locked. */
export function hugetlbAddToPageCache(inode: Inode, pgoff: Pgoff, folio: Pfn): void {
  const { frames } = inode.host;
  frames.get(folio);
  frames.setMapping(folio, inode, pgoff);
  frames.mark(folio, 0, PageFlag.restoreReserve);
  inode.pages.set(pgoff, folio);
}

/** hugetlbfs_fallocate() */
function hugetlbfsFallocate(
  file: OpenFile,
  mode: number,
  offset: number,
  length: number,
  task: Task,
): Refusal | undefined {
  const fn = "hugetlbfs_fallocate";
  const inode = file.inode!;
  const info = hugetlbInfo(file);
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

/** hugetlbfs_punch_hole(): only whole huge pages go; parts of one are zeroed. */
function punchHole(inode: Inode, info: HugetlbInfo, offset: number, length: number): Refusal | undefined {
  const { hstate } = info;
  if ((info.seals.get() & (Seal.write | Seal.futureWrite)) !== 0) {
    return refuse("EPERM", "hugetlbfs_punch_hole", "the file is sealed against writing");
  }
  const end = offset + length;
  const holeStart = Math.ceil(offset / hstate.size) * hstate.size;
  const holeEnd = Math.floor(end / hstate.size) * hstate.size;
  inode.mappingsLock.writeLock();
  if (offset < holeStart) zeroPartialPage(inode, hstate, offset, Math.min(end, holeStart));
  if (holeEnd > holeStart) vmDeleteList(inode, hstate, pages(holeStart), pages(holeEnd), {});
  if (end > holeEnd && end > holeStart) zeroPartialPage(inode, hstate, holeEnd, end);
  inode.mappingsLock.writeUnlock();
  if (holeEnd > holeStart) removeInodeHugepages(inode, info, pages(holeStart), pages(holeEnd));
  return undefined;
}

/** hugetlbfs_zero_partial_page() */
function zeroPartialPage(inode: Inode, hstate: Hstate, start: number, end: number): void {
  const { frames } = inode.host;
  const base = pages(start) - (pages(start) % hstate.pages);
  const folio = filemapLockFolio(inode, base);
  if (folio === null) return;
  // What a page's first word holds is all that is known of it.
  for (let page = Math.ceil(start / PAGE_SIZE); page * PAGE_SIZE < end; page++)
    frames.word.set(folio + page - base, 0);
  frames.unlock(folio);
  frames.put(folio);
}

function allocate(
  inode: Inode,
  info: HugetlbInfo,
  offset: number,
  length: number,
  keepSize: boolean,
  task: Task,
): Refusal | undefined {
  const fn = "hugetlbfs_fallocate";
  const { hstate, reserve } = info;
  const { frames } = inode.host;
  const end = offset + length;
  if ((info.seals.get() & Seal.grow) !== 0 && end > inode.size.get()) {
    return refuse("EPERM", fn, "the file is sealed against growing");
  }
  for (let index = Math.floor(offset / hstate.size); index * hstate.size < end; index++) {
    info.faultMutex.lock();
    const pgoff = index * hstate.pages;
    if (inode.pages.get(pgoff) === 0) {
      const { node, allowed } = placement(info.policy.lookup(index) ?? taskPolicy(task), task.node, index);
      const folio = hstate.dequeue(node, allowed, reserve.has(index));
      if (folio === null) {
        info.faultMutex.unlock();
        return refuse(
          "ENOSPC",
          "alloc_hugetlb_folio",
          "no huge page is free that is not promised to somebody else",
        );
      }
      reserve.add(index);
      frames.mark(folio, PageFlag.uptodate);
      frames.lock(folio);
      hugetlbAddToPageCache(inode, pgoff, folio);
      frames.mark(folio, PageFlag.lru);
      frames.unlock(folio);
      frames.put(folio);
    }
    info.faultMutex.unlock();
  }
  if (!keepSize && end > inode.size.get()) inode.size.set(end);
  return undefined;
}

/** hugetlbfs_setattr() for a new size, hugetlb_vmtruncate() */
function hugetlbfsSetattr(file: OpenFile, size: number): Refusal | undefined {
  const fn = "hugetlbfs_setattr";
  const inode = file.inode!;
  const info = hugetlbInfo(file);
  if (size % info.hstate.size !== 0) {
    return refuse(
      "EINVAL",
      fn,
      `size ${hex(size)} is not a multiple of the huge pages' ${hex(info.hstate.size)}`,
    );
  }
  const seals = info.seals.get();
  const old = inode.size.get();
  if ((size < old && (seals & Seal.shrink) !== 0) || (size > old && (seals & Seal.grow) !== 0)) {
    return refuse("EPERM", fn, `the file is sealed against ${size < old ? "shrinking" : "growing"}`);
  }
  inode.size.set(size);
  inode.mappingsLock.writeLock();
  vmDeleteList(inode, info.hstate, pages(size), Number.POSITIVE_INFINITY, { dropMarkers: true });
  inode.mappingsLock.writeUnlock();
  removeInodeHugepages(inode, info, pages(size), Number.POSITIVE_INFINITY);
  return undefined;
}

/** hugetlb_vmdelete_list(): out of every mapping of the file. Under i_mmap_rwsem held for writing. */
function vmDeleteList(inode: Inode, hstate: Hstate, start: Pgoff, end: Pgoff, how: HugeUnmap): void {
  for (const vma of inode.mappings.overlapping(start, end)) {
    const fields = vma.fields;
    const from = fields.start + Math.max(0, start - fields.pgoff) * PAGE_SIZE;
    const to = Math.min(fields.end, fields.start + (end - fields.pgoff) * PAGE_SIZE);
    if (from % hstate.size === 0) unmapHugepageRange(vma, from, to, how);
  }
}

/** remove_inode_hugepages(): the pages of `[start, end)`, in small pages, leave the cache, and promises end. */
function removeInodeHugepages(inode: Inode, info: HugetlbInfo, start: Pgoff, end: Pgoff): void {
  const { hstate, reserve } = info;
  const { frames } = inode.host;
  let freed = 0;
  for (let at = inode.pages.next(start, end); at >= 0; at = inode.pages.next(at + hstate.pages, end)) {
    info.faultMutex.lock();
    const folio = filemapLockFolio(inode, at);
    if (folio !== null) {
      if (frames.mapcount.get(folio) > 0) unmapFileFolio(inode, hstate, folio, at);
      // hugetlb_delete_from_page_cache()
      inode.pages.set(at, 0);
      frames.setMapping(folio, null, 0);
      frames.put(folio);
      frames.unlock(folio);
      frames.put(folio);
      freed++;
    }
    info.faultMutex.unlock();
  }
  // hugetlb_unreserve_pages(): of what was promised, the freed pages had been used.
  const deleted = reserve.deleteRange(hugeIndexOf(start, hstate), hugeIndexOf(end, hstate));
  hstate.account(-(deleted - freed));
}

/** hugetlb_unmap_file_folio(): of the mappings of the file, those that map this page after all. */
function unmapFileFolio(inode: Inode, hstate: Hstate, folio: Pfn, pgoff: Pgoff): void {
  inode.mappingsLock.writeLock();
  for (const vma of inode.mappings.overlapping(pgoff, pgoff + hstate.pages)) {
    const { start, pgoff: first } = vma.fields;
    const address = start + (pgoff - first) * PAGE_SIZE;
    const leaf = leafAt(vma.mm, address);
    if (leaf !== null && ptePresent(leaf.pte) && ptePfn(leaf.pte) === folio) {
      unmapHugepageRange(vma, address, address + hstate.size, { dropMarkers: true });
    }
  }
  inode.mappingsLock.writeUnlock();
}
