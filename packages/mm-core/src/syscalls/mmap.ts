import { nameFunctions } from "@kvmm/interleave";
import { type Hva, isPageAligned, PAGE_SIZE, pageAlign, pages } from "../addresses.js";
import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import type { OpenFile } from "../file.js";
import { openHugetlb } from "../hugetlb/file.js";
import { hstateOfFlags } from "../hugetlb/size.js";
import type { Mm } from "../mm.js";
import { NotModelled } from "../not-modelled.js";
import { mmPopulate } from "../populate.js";
import { openShmem } from "../shmem.js";
import type { Task } from "../task.js";
import { khugepagedEnterVma } from "../thp/khugepaged-enter.js";
import { unmapRange } from "../unmap.js";
import { isAnonymous, Vma, type VmaFields, VmFlag } from "../vma.js";
import { linkVma, mergeWithNeighbours } from "../vma-tree.js";

export const Prot = { read: 1, write: 2, exec: 4 } as const;

export const MapFlag = {
  shared: 1,
  private: 2,
  sharedValidate: 3,
  type: 0xf,
  fixed: 0x10,
  anonymous: 0x20,
  locked: 0x2000,
  noreserve: 0x4000,
  populate: 0x8000,
  nonblock: 0x1_0000,
  hugetlb: 0x4_0000,
  sync: 0x8_0000,
  fixedNoreplace: 0x10_0000,
} as const;

/** Flags that plain MAP_SHARED ignores when it does not know them, and MAP_SHARED_VALIDATE refuses. */
const LEGACY_FLAGS =
  MapFlag.type |
  MapFlag.fixed |
  MapFlag.anonymous |
  MapFlag.locked |
  MapFlag.noreserve |
  MapFlag.populate |
  MapFlag.nonblock |
  MapFlag.hugetlb |
  0x100 | // MAP_GROWSDOWN
  0x800 | // MAP_DENYWRITE
  0x1000 | // MAP_EXECUTABLE
  0x2_0000; // MAP_STACK

export interface MmapArgs {
  readonly addr: Hva;
  /** Bytes. */
  readonly length: number;
  /** {@link Prot} */
  readonly prot: number;
  /** {@link MapFlag} */
  readonly flags: number;
  /** -1 for none. */
  readonly fd: number;
  /** Bytes. */
  readonly offset: number;
}

/** mmap_base(): how far below the end of its window mmap begins to look for room, downwards. */
const MMAP_GAP = 0x800_0000;
const MMAP_MIN_ADDR = 0x1_0000;
/** file_mmap_size_max(): MAX_LFS_FILESIZE in pages. */
const MAX_FILE_PAGES = 2 ** 51;

/** mmap(2). @returns the address */
export function mmap(task: Task, args: MmapArgs): Result<Hva> {
  const { mm, process } = task;
  if (!isPageAligned(args.offset))
    return refuse("EINVAL", "sys_mmap", `offset ${hex(args.offset)} is not page-aligned`);
  const fn = "ksys_mmap_pgoff";
  const isHugetlb = (args.flags & MapFlag.hugetlb) !== 0;
  let file: OpenFile | null = null;
  let length = args.length;
  if ((args.flags & MapFlag.anonymous) === 0) {
    file = process.file(args.fd);
    if (file === null) return refuse("EBADF", fn, `descriptor ${args.fd} is not open`);
    const pageSize = file.ops.pageSize?.(file);
    if (pageSize !== undefined) length = Math.ceil(length / pageSize) * pageSize;
    else if (isHugetlb)
      return refuse("EINVAL", fn, `MAP_HUGETLB of ${file.name}, which is no file of huge pages`);
    file.get();
  } else if (isHugetlb) {
    const hstate = hstateOfFlags(process.host, args.flags);
    if (hstate === null)
      return refuse("EINVAL", fn, `no huge pages of the size that flags ${hex(args.flags)} ask for`);
    length = Math.ceil(length / hstate.size) * hstate.size;
    file = openHugetlb(process.host, "anon_hugepage", hstate, length);
  }
  mm.mmapLock.writeLock();
  const result = doMmap(task, file, { ...args, length });
  const locked = !isRefusal(result) && (mm.vmaAt(result)!.fields.flags & VmFlag.locked) !== 0;
  mm.writeUnlock();
  file?.put();
  if (isRefusal(result)) return result;
  const populate = (args.flags & (MapFlag.populate | MapFlag.nonblock)) === MapFlag.populate;
  if (locked || populate) mmPopulate(task, result, result + pageAlign(length), true);
  return result;
}

/** do_mmap() */
function doMmap(task: Task, file: OpenFile | null, args: MmapArgs): Result<Hva> {
  const { mm } = task;
  if (args.length === 0) return refuse("EINVAL", "do_mmap", "length is 0");
  const length = pageAlign(args.length);
  if (length >= 2 ** 64)
    return refuse("ENOMEM", "do_mmap", `length ${hex(args.length)} wraps when rounded up to pages`);
  if (pages(args.offset) + pages(length) >= 2 ** 52) {
    return refuse("EOVERFLOW", "do_mmap", `offset ${hex(args.offset)} plus length ${hex(length)} wraps`);
  }
  const noreplace = (args.flags & MapFlag.fixedNoreplace) !== 0;
  const fixed = noreplace || (args.flags & MapFlag.fixed) !== 0;
  const address = findAddress(mm, args.addr, length, fixed, file?.ops.pageSize?.(file));
  if (isRefusal(address)) return address;
  if (noreplace && mm.vmas.first(address, address + length) !== undefined) {
    return refuse(
      "EEXIST",
      "do_mmap",
      `something is mapped within ${hex(address)}-${hex(address + length)} (MAP_FIXED_NOREPLACE)`,
    );
  }
  const flags = vmFlags(mm, file, args);
  if (isRefusal(flags)) return flags;
  // mmap_region(): what is there goes first, then the file has its say.
  const sealed = unmapRange(mm, address, address + length);
  if (sealed !== undefined) return sealed;
  const anonymousShared = file === null && (flags & VmFlag.shared) !== 0;
  // shmem_zero_setup(): a file of its own, which only this mapping and its copies hold.
  const backing = anonymousShared ? openShmem(mm.host, "dev/zero", length) : (file?.get() ?? null);
  const fields: VmaFields = {
    start: address,
    end: address + length,
    flags: flags | (backing?.ops.vmFlags ?? 0),
    pgoff: backing === null ? pages(address) : anonymousShared ? 0 : pages(args.offset),
    file: backing,
    policy: null,
  };
  const added = backing?.ops.mmap?.(backing, fields);
  if (isRefusal(added)) {
    backing!.put();
    return added;
  }
  const vma = mm.host.store.create(() => new Vma(mm, { ...fields, ...added }));
  linkVma(vma);
  const merged = mergeWithNeighbours(vma);
  if (!isAnonymous(merged.fields)) khugepagedEnterVma(merged);
  return address;
}

/** __get_unmapped_area() */
export function findAddress(
  mm: Mm,
  hint: Hva,
  length: number,
  fixed: boolean,
  alignment = PAGE_SIZE,
): Result<Hva> {
  const fn = "__get_unmapped_area";
  const { mapWindow, taskSize } = mm.host;
  if (length > taskSize) return refuse("ENOMEM", fn, `length ${hex(length)} exceeds the address space`);
  // arch_get_mmap_end()
  const mapEnd = hint > mapWindow ? taskSize : mapWindow;
  if (length > mapEnd - MMAP_MIN_ADDR)
    return refuse("ENOMEM", fn, `length ${hex(length)} exceeds the address space`);
  if (fixed) {
    if (hint > taskSize - length)
      return refuse("ENOMEM", fn, `${hex(hint)} plus ${hex(length)} is beyond user space`);
    if (!isPageAligned(hint))
      return refuse("EINVAL", fn, `address ${hex(hint)} is not page-aligned (MAP_FIXED)`);
    if (hint + length > mapWindow) throw new NotModelled(`memory at ${hex(mapWindow)} and beyond`);
    if (hint % alignment === 0) return hint;
    return refuse(
      "EINVAL",
      "hugetlb_get_unmapped_area",
      `address ${hex(hint)} is not aligned to ${hex(alignment)} (MAP_FIXED)`,
    );
  }
  if (hint > mapWindow) throw new NotModelled(`memory at ${hex(mapWindow)} and beyond`);
  const wanted = Math.ceil(hint / alignment) * alignment;
  if (
    wanted >= MMAP_MIN_ADDR &&
    wanted <= mapWindow - length &&
    mm.vmas.first(wanted, wanted + length) === undefined
  ) {
    return wanted;
  }
  let end = mapWindow - MMAP_GAP;
  for (;;) {
    const start = end - length - ((end - length) % alignment);
    if (start < MMAP_MIN_ADDR) return refuse("ENOMEM", fn, `no gap of ${hex(length)} bytes is left`);
    const obstacles = mm.vmas.overlapping(start, start + length);
    const last = obstacles[0];
    if (last === undefined) return start;
    end = last.fields.start;
  }
}

/** calc_vm_prot_bits(), calc_vm_flag_bits(), and do_mmap()'s checks of the file. */
function vmFlags(mm: Mm, file: OpenFile | null, args: MmapArgs): number | Refusal {
  const { prot } = args;
  let flags =
    mm.defFlags.get() |
    (args.flags & MapFlag.locked ? VmFlag.locked : 0) |
    (prot & Prot.read ? VmFlag.read : 0) |
    (prot & Prot.write ? VmFlag.write : 0) |
    (prot & Prot.exec ? VmFlag.exec : 0) |
    VmFlag.mayRead |
    VmFlag.mayWrite |
    VmFlag.mayExec |
    (args.flags & MapFlag.noreserve ? VmFlag.noreserve : 0);
  const type = args.flags & MapFlag.type;
  if (type !== MapFlag.shared && type !== MapFlag.private && type !== MapFlag.sharedValidate) {
    return refuse(
      "EINVAL",
      "do_mmap",
      `flags ${hex(args.flags)} name no kind of mapping`,
      "MAP_SHARED or MAP_PRIVATE",
    );
  }
  if (file === null) {
    if (type === MapFlag.sharedValidate) return refuse("EINVAL", "do_mmap", "MAP_SHARED_VALIDATE of no file");
    return type === MapFlag.shared ? flags | VmFlag.shared | VmFlag.mayShare : flags;
  }
  // file_mmap_ok(): offsets beyond what a file can have.
  if (file.inode !== null && pages(args.offset) + pages(pageAlign(args.length)) > MAX_FILE_PAGES) {
    return refuse(
      "EOVERFLOW",
      "do_mmap",
      `offset ${hex(args.offset)} plus length ${hex(args.length)} exceeds the largest file`,
    );
  }
  if (type !== MapFlag.private) {
    if (type === MapFlag.sharedValidate && (args.flags & ~LEGACY_FLAGS & ~MapFlag.fixedNoreplace) !== 0) {
      return refuse(
        "EOPNOTSUPP",
        "do_mmap",
        `flags ${hex(args.flags)} have bits that MAP_SHARED_VALIDATE does not know`,
      );
    }
    if ((prot & Prot.write) !== 0 && !file.access.write) {
      return refuse("EACCES", "do_mmap", `${file.name} is not open for writing`, "PROT_READ, or O_RDWR");
    }
    flags |= VmFlag.shared | VmFlag.mayShare;
    if (!file.access.write) flags &= ~(VmFlag.mayWrite | VmFlag.shared);
  }
  if (!file.access.read) return refuse("EACCES", "do_mmap", `${file.name} is not open for reading`);
  // path_noexec()
  if (file.ops.executable !== true) {
    if ((flags & VmFlag.exec) !== 0) {
      return refuse("EPERM", "do_mmap", `${file.name} is on a mount that forbids execution (noexec)`);
    }
    flags &= ~VmFlag.mayExec;
  }
  if (file.ops.mmap === undefined)
    return refuse("ENODEV", "do_mmap", `${file.name} (${file.ops.kind}) cannot be mapped`);
  return flags;
}

nameFunctions({
  do_mmap: doMmap,
});
