import { nameFunctions } from "@kvmm/interleave";
import { type Hva, isPageAligned, pageAlign, pages } from "../addresses.js";
import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import { pgoffOf } from "../file.js";
import { breakKsm } from "../ksm/break.js";
import type { Mm } from "../mm.js";
import { movePageTables } from "../move-page-tables.js";
import { mmPopulate } from "../populate.js";
import type { Task } from "../task.js";
import { unmapRange } from "../unmap.js";
import { isAnonymous, Vma, VmFlag } from "../vma.js";
import { cloneAnon, isolateVma, linkVma, mergeWithNeighbours, setRange, unlinkAnon } from "../vma-tree.js";
import { findAddress } from "./mmap.js";

export const MremapFlag = { mayMove: 1, fixed: 2, dontUnmap: 4 } as const;

const LOCKED_MASK = VmFlag.locked | VmFlag.lockonfault;

export interface MremapArgs {
  readonly oldAddress: Hva;
  /** Bytes. */
  readonly oldSize: number;
  readonly newSize: number;
  /** {@link MremapFlag} */
  readonly flags: number;
  readonly newAddress: Hva;
}

/** One mapping's share of the call (struct vma_remap_struct). */
interface Remap {
  readonly task: Task;
  readonly mm: Mm;
  readonly addr: Hva;
  readonly oldLen: number;
  readonly newLen: number;
  readonly flags: number;
  readonly newAddr: Hva;
}

/** mremap(2). @returns the address */
export function mremap(task: Task, args: MremapArgs): Result<Hva> {
  const { mm } = task;
  const remap: Remap = {
    task,
    mm,
    addr: args.oldAddress,
    oldLen: pageAlign(args.oldSize),
    newLen: pageAlign(args.newSize),
    flags: args.flags,
    newAddr: args.newAddress,
  };
  const refused = checkParams(remap);
  if (refused !== undefined) return refused;
  mm.mmapLock.writeLock();
  const locked = (mm.vmaAt(remap.addr)?.fields.flags ?? 0) & VmFlag.locked;
  const result = doMremap(remap);
  mm.writeUnlock();
  if (!isRefusal(result) && locked !== 0 && remap.newLen > remap.oldLen) {
    mmPopulate(task, result + remap.oldLen, result + remap.newLen, true);
  }
  return result;
}

/** vrm_implies_new_addr() */
function impliesNewAddress({ flags }: Remap): boolean {
  return (flags & (MremapFlag.fixed | MremapFlag.dontUnmap)) !== 0;
}

/** check_mremap_params() */
function checkParams(remap: Remap): Refusal | undefined {
  const fn = "check_mremap_params";
  const { mm, addr, oldLen, newLen, flags, newAddr } = remap;
  const { taskSize } = mm.host;
  if ((flags & ~(MremapFlag.fixed | MremapFlag.mayMove | MremapFlag.dontUnmap)) !== 0) {
    return refuse("EINVAL", fn, `flags ${hex(flags)}`, "MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP");
  }
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  if (newLen === 0) return refuse("EINVAL", fn, "the new size is 0");
  if (newLen > taskSize) return refuse("EINVAL", fn, `the new size ${hex(newLen)} exceeds the address space`);
  if (!impliesNewAddress(remap)) return undefined;
  if (newAddr > taskSize - newLen)
    return refuse("EINVAL", fn, `the new address ${hex(newAddr)} is beyond user space`);
  if (!isPageAligned(newAddr))
    return refuse("EINVAL", fn, `the new address ${hex(newAddr)} is not page-aligned`);
  if ((flags & MremapFlag.mayMove) === 0) {
    return refuse("EINVAL", fn, "MREMAP_FIXED or MREMAP_DONTUNMAP without MREMAP_MAYMOVE");
  }
  if ((flags & MremapFlag.dontUnmap) !== 0 && oldLen !== newLen) {
    return refuse("EINVAL", fn, "MREMAP_DONTUNMAP with another size");
  }
  if (addr + oldLen > newAddr && newAddr + newLen > addr)
    return refuse("EINVAL", fn, "the new range overlaps the old one");
  return undefined;
}

/** do_mremap(), under mmap_lock */
function doMremap(remap: Remap): Result<Hva> {
  // vrm_move_only()
  if ((remap.flags & MremapFlag.fixed) !== 0 && remap.oldLen === remap.newLen) return remapMove(remap);
  const prepared = checkPrepVma(remap, remap.mm.vmaAt(remap.addr));
  if (isRefusal(prepared)) return prepared;
  return impliesNewAddress(remap) ? mremapTo(prepared) : mremapAt(prepared);
}

/** remap_move(): every mapping in the range moves; the gaps between them stay as they are. */
function remapMove(remap: Remap): Result<Hva> {
  const fn = "remap_move";
  const { mm, addr } = remap;
  const end = addr + remap.oldLen;
  const parts = mm.vmas.overlapping(addr, end).map((vma) => vma.fields);
  if (parts.length === 0 || parts[0]!.start > addr)
    return refuse("EFAULT", fn, `nothing is mapped at ${hex(addr)}`);
  for (const [place, { start, end: to, uffd }] of parts.entries()) {
    // vma_multi_allowed(): what came before has moved by then.
    if (uffd !== undefined && (place > 0 || to < end))
      return refuse("EFAULT", fn, `the mapping at ${hex(start)} has a userfaultfd and moves only alone`);
    const from = Math.max(start, addr);
    const length = Math.min(end, to) - from;
    const part = {
      ...remap,
      addr: from,
      oldLen: length,
      newLen: length,
      newAddr: remap.newAddr + from - addr,
    };
    const prepared = checkPrepVma(part, mm.vmaAt(from));
    if (isRefusal(prepared)) return prepared;
    const moved = mremapTo(prepared);
    if (isRefusal(moved)) return moved;
  }
  return remap.newAddr;
}

/** check_prep_vma(). @returns the call with its lengths as they count for this mapping, or why not */
function checkPrepVma(asked: Remap, vma: Vma | undefined): Remap | Refusal {
  const fn = "check_prep_vma";
  const { addr, flags } = asked;
  if (vma === undefined) return refuse("EFAULT", fn, `nothing is mapped at ${hex(addr)}`);
  const fields = vma.fields;
  if ((fields.flags & VmFlag.sealed) !== 0)
    return refuse("EPERM", fn, `the mapping at ${hex(fields.start)} is sealed`);
  const remap = (fields.flags & VmFlag.hugetlb) === 0 ? asked : alignHugetlb(asked, vma.pageSize);
  if (isRefusal(remap)) return remap;
  const { oldLen, newLen } = remap;
  // vrm_will_map_new(): nothing more to check for what stays and does not grow.
  if (!impliesNewAddress(remap) && newLen <= oldLen) return remap;
  if (oldLen === 0 && (fields.flags & (VmFlag.shared | VmFlag.mayShare)) === 0) {
    return refuse("EINVAL", fn, "a private mapping cannot be duplicated", "an old size of more than 0");
  }
  const special = VmFlag.dontexpand | VmFlag.pfnmap;
  if ((flags & MremapFlag.dontUnmap) !== 0 && (fields.flags & special) !== 0) {
    return refuse("EINVAL", fn, "MREMAP_DONTUNMAP of a mapping that cannot grow");
  }
  const needed = Math.min(oldLen, newLen);
  if (needed > fields.end - addr)
    return refuse("EFAULT", fn, `the mapping ends at ${hex(fields.end)}, before the old range does`);
  if (newLen > oldLen && (fields.flags & special) !== 0)
    return refuse("EFAULT", fn, "the mapping cannot grow");
  return remap;
}

/** align_hugetlb(): a mapping of huge pages moves by whole ones, and cannot grow: nothing would be promised to it. */
function alignHugetlb(remap: Remap, size: number): Remap | Refusal {
  const fn = "align_hugetlb";
  const { addr, newAddr } = remap;
  const oldLen = Math.ceil(remap.oldLen / size) * size;
  const newLen = Math.ceil(remap.newLen / size) * size;
  if (addr % size !== 0)
    return refuse("EINVAL", fn, `address ${hex(addr)} is not aligned to the huge pages' ${hex(size)}`);
  if (newAddr % size !== 0)
    return refuse(
      "EINVAL",
      fn,
      `the new address ${hex(newAddr)} is not aligned to the huge pages' ${hex(size)}`,
    );
  if (newLen > oldLen) return refuse("EINVAL", fn, "a mapping of huge pages cannot grow");
  return { ...remap, oldLen, newLen };
}

/** mremap_to() */
function mremapTo(remap: Remap): Result<Hva> {
  const { mm, addr, newLen, flags } = remap;
  if ((flags & MremapFlag.fixed) !== 0) {
    const refused = unmapRange(mm, remap.newAddr, remap.newAddr + newLen);
    if (refused !== undefined) return refused;
  }
  if (newLen < remap.oldLen) {
    const refused = unmapRange(mm, addr + newLen, addr + remap.oldLen);
    if (refused !== undefined) return refused;
  }
  const target = findAddress(mm, remap.newAddr, newLen, (flags & MremapFlag.fixed) !== 0);
  if (isRefusal(target)) return target;
  return moveVma({ ...remap, oldLen: Math.min(remap.oldLen, newLen), newAddr: target });
}

/** mremap_at(): the mapping stays where it is, unless it has no room to grow. */
function mremapAt(remap: Remap): Result<Hva> {
  const { mm, addr, oldLen, newLen, flags } = remap;
  if (newLen === oldLen) return addr;
  if (newLen < oldLen) return unmapRange(mm, addr + newLen, addr + oldLen) ?? addr;
  // expand_vma(), vma_expandable(), vma_merge_extend()
  const vma = mm.vmaAt(addr)!;
  const { start, end, pgoff } = vma.fields;
  const grown = addr + newLen;
  if (addr + oldLen === end && grown <= mm.host.mapWindow && mm.vmas.first(end, grown) === undefined) {
    setRange(vma, start, grown, pgoff);
    mergeWithNeighbours(vma);
    return addr;
  }
  if ((flags & MremapFlag.mayMove) === 0) {
    return refuse("ENOMEM", "expand_vma", "the mapping cannot grow in place", "MREMAP_MAYMOVE");
  }
  const target = findAddress(mm, 0, newLen, false);
  return isRefusal(target) ? target : moveVma({ ...remap, newAddr: target });
}

/** move_vma(): a copy of the mapping elsewhere, to which the page-table entries move; then the old one goes. */
function moveVma(remap: Remap): Result<Hva> {
  const { mm, addr, oldLen, newAddr, flags } = remap;
  const keep = (flags & MremapFlag.dontUnmap) !== 0;
  const whole = mm.vmaAt(addr)!;
  // prep_move_vma(): merged pages are known by their addresses, and would be others' at the new ones.
  if ((whole.fields.flags & VmFlag.mergeable) !== 0 && whole.anonVma.get() !== null)
    breakKsm(remap.task, whole, addr, addr + oldLen);
  // needs_pre_split(): of a locked mapping, only the part that moves stops being locked.
  const splits = keep && (whole.fields.flags & VmFlag.locked) !== 0;
  const source = splits ? isolateVma(whole, addr, addr + oldLen) : whole;
  const copy = copyVma(remap, source, keep);
  // An untouched mapping may have been merged with its own copy.
  const old = mm.vmaAt(addr) ?? source;
  movePageTables(old, copy, addr, newAddr, oldLen);
  if (!keep) return oldLen === 0 ? newAddr : (unmapRange(mm, addr, addr + oldLen) ?? newAddr);
  // dontunmap_complete()
  const { start, end, flags: oldFlags, pgoff } = old.fields;
  if ((oldFlags & LOCKED_MASK) !== 0) old.change({ flags: oldFlags & ~LOCKED_MASK });
  if (addr === start && addr + oldLen === end) {
    unlinkAnon(old);
    setRange(old, start, end, isAnonymous(old.fields) ? pages(start) : pgoff);
  }
  return newAddr;
}

/** copy_vma() */
function copyVma({ mm, addr, newAddr, newLen }: Remap, source: Vma, keep: boolean): Vma {
  const fields = source.fields;
  const untouched = isAnonymous(fields) && source.anonVma.get() === null;
  // vma_has_uffd_without_event_remap(): without the event the copy is not registered.
  const { uffd: _dropped, ...others } = fields;
  const copy = mm.host.store.create(
    () =>
      new Vma(mm, {
        ...others,
        flags: fields.flags & ~UFFD_FLAGS,
        start: newAddr,
        end: newAddr + newLen,
        pgoff: untouched ? pages(newAddr) : pgoffOf(fields, addr),
      }),
  );
  fields.file?.get();
  // fixup_hugetlb_reservations(): what was promised to the mapping is promised to its copy now.
  if (fields.reserve !== undefined) source.change({ reserve: undefined });
  copy.mayHaveGuards.set(source.mayHaveGuards.get());
  linkVma(copy);
  cloneAnon(copy, source, true);
  return mergeWithNeighbours(copy, keep || !untouched ? source : null);
}

const UFFD_FLAGS = VmFlag.uffdMissing | VmFlag.uffdMinor | VmFlag.uffdWp;

nameFunctions({
  do_mremap: doMremap,
  remap_move: remapMove,
  check_prep_vma: checkPrepVma,
  mremap_to: mremapTo,
  mremap_at: mremapAt,
  move_vma: moveVma,
  copy_vma: copyVma,
});
