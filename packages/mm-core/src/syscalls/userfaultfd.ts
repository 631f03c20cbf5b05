import { type Hva, isPageAligned } from "../addresses.js";
import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import { type FileOps, OpenFile } from "../file.js";
import type { Host } from "../host.js";
import { hugetlbUnshareAllPmds } from "../hugetlb/unshare.js";
import { NotModelled } from "../not-modelled.js";
import type { Task } from "../task.js";
import { UFFD_FLAGS, UffdFeature, Userfaultfd } from "../userfaultfd/context.js";
import { uffdWpRange } from "../userfaultfd/wp-range.js";
import { isAnonymous, type Vma, type VmaFields, VmFlag } from "../vma.js";
import { modifyVma } from "../vma-tree.js";

export const UffdFlag = { userModeOnly: 1, nonblock: 0x800, cloexec: 0x8_0000 } as const;
export const UffdRegister = { missing: 1, wp: 2, minor: 4 } as const;
export const UffdWriteprotect = { wp: 1, dontwake: 2 } as const;

const ALL_FEATURES = Object.values<number>(UffdFeature).reduce((all, bit) => all | bit, 0);
/** Features that make other calls wait for a reader. */
const EVENTS =
  UffdFeature.eventFork | UffdFeature.eventRemap | UffdFeature.eventRemove | UffdFeature.eventUnmap;

const OPS: FileOps = { kind: "userfaultfd", release: (file) => release(file.data as Userfaultfd) };

/** userfaultfd(2). @returns the descriptor */
export function userfaultfd(task: Task, flags: number): Result<number> {
  if ((flags & ~(UffdFlag.userModeOnly | UffdFlag.nonblock | UffdFlag.cloexec)) !== 0) {
    return refuse(
      "EINVAL",
      "new_userfaultfd",
      `flags ${hex(flags)}`,
      "UFFD_USER_MODE_ONLY, O_CLOEXEC, O_NONBLOCK",
    );
  }
  const { host } = task.process;
  const isUserModeOnly = (flags & UffdFlag.userModeOnly) !== 0;
  const fd = task.process.install(
    host.store.create(
      () => new OpenFile(host, "userfaultfd", null, OPS, new Userfaultfd(task.mm, isUserModeOnly)),
    ),
  );
  if ((flags & UffdFlag.cloexec) !== 0) task.process.closeOnExec.update((fds) => [...fds, fd]);
  return fd;
}

function context(task: Task, fd: number): Result<Userfaultfd> {
  const file = task.process.file(fd);
  if (file === null) return refuse("EBADF", "sys_ioctl", `descriptor ${fd} is not open`);
  return file.data instanceof Userfaultfd
    ? file.data
    : refuse("ENOTTY", "sys_ioctl", `${file.name} is no userfaultfd`);
}

/** The userfaultfd of a descriptor, once UFFDIO_API has been called. */
export function initialised(task: Task, fd: number): Result<Userfaultfd> {
  const ctx = context(task, fd);
  if (isRefusal(ctx) || ctx.features.get() !== null) return ctx;
  return refuse("EINVAL", "userfaultfd_ioctl", "UFFDIO_API has not been called");
}

/** UFFDIO_API: userfaultfd_api() */
export function uffdioApi(task: Task, fd: number, features: number): Result<0> {
  const fn = "userfaultfd_api";
  const ctx = context(task, fd);
  if (isRefusal(ctx)) return ctx;
  if ((features & ~ALL_FEATURES) !== 0)
    return refuse("EINVAL", fn, `features ${hex(features)} have unknown bits`);
  if ((features & EVENTS) !== 0) throw new NotModelled("userfaultfd events");
  const wanted = (features & UffdFeature.wpAsync) !== 0 ? features | UffdFeature.wpUnpopulated : features;
  if (ctx.features.update((old) => old ?? wanted) !== wanted)
    return refuse("EINVAL", fn, "UFFDIO_API was called before");
  return 0;
}

/** validate_range() */
export function refuseRange({ mm }: Userfaultfd, start: Hva, length: number): Refusal | undefined {
  if (isPageAligned(start)) return refuseUnalignedRange(mm.host, start, length);
  return refuse("EINVAL", "validate_range", `${hex(start)} is not page-aligned`);
}

/** validate_unaligned_range(): up to where addresses end (task_size), not where mmap() stops giving them. */
export function refuseUnalignedRange({ taskSize }: Host, start: Hva, length: number): Refusal | undefined {
  const fn = "validate_unaligned_range";
  if (!isPageAligned(length)) return refuse("EINVAL", fn, `length ${hex(length)} is not page-aligned`);
  if (length === 0) return refuse("EINVAL", fn, "length is 0");
  if (start >= taskSize || length > taskSize - start) {
    return refuse("EINVAL", fn, `${hex(start)} plus ${hex(length)} is beyond user space`);
  }
  return undefined;
}

/** vma_can_userfault(). @returns why not */
function refuseMapping(ctx: Userfaultfd, fields: VmaFields, wanted: number, fn: string): Refusal | undefined {
  const { flags, file } = fields;
  const special = VmFlag.pfnmap | VmFlag.dontexpand;
  const at = `the mapping at ${hex(fields.start)}`;
  if ((flags & VmFlag.hugetlb) === 0 && (flags & special) !== 0)
    return refuse("EINVAL", fn, `${at} is special`);
  if (ctx.has(UffdFeature.wpAsync) && (wanted & UFFD_FLAGS) === VmFlag.uffdWp) return undefined;
  if (isAnonymous(fields)) {
    return (wanted & VmFlag.uffdMinor) === 0
      ? undefined
      : refuse("EINVAL", fn, `${at} is anonymous: it has no minor faults`);
  }
  if (file!.ops.uffdOps !== undefined || (flags & VmFlag.hugetlb) !== 0) return undefined;
  return refuse("EINVAL", fn, `${at} is of a ${file!.ops.kind} file, which userfaultfd does not support`);
}

/** UFFDIO_REGISTER: userfaultfd_register() */
export function uffdioRegister(task: Task, fd: number, start: Hva, length: number, mode: number): Result<0> {
  const fn = "userfaultfd_register";
  const ctx = initialised(task, fd);
  if (isRefusal(ctx)) return ctx;
  if (mode === 0 || (mode & ~(UffdRegister.missing | UffdRegister.wp | UffdRegister.minor)) !== 0) {
    return refuse("EINVAL", fn, `mode ${hex(mode)}`, "UFFDIO_REGISTER_MODE_MISSING, _WP, _MINOR");
  }
  const wanted =
    (mode & UffdRegister.missing ? VmFlag.uffdMissing : 0) |
    (mode & UffdRegister.wp ? VmFlag.uffdWp : 0) |
    (mode & UffdRegister.minor ? VmFlag.uffdMinor : 0);
  const range = refuseRange(ctx, start, length);
  if (range !== undefined) return range;
  const { mm } = ctx;
  mm.mmapLock.writeLock();
  const refused = refuseRegistration(
    ctx,
    mm.vmas.overlapping(start, start + length),
    start,
    start + length,
    wanted,
  );
  if (refused === undefined) registerRange(ctx, start, start + length, wanted);
  mm.mmapLock.writeUnlock();
  return refused ?? 0;
}

function refuseRegistration(
  ctx: Userfaultfd,
  vmas: readonly Vma[],
  start: Hva,
  end: Hva,
  wanted: number,
): Refusal | undefined {
  const fn = "userfaultfd_register";
  if (vmas.length === 0) return refuse("EINVAL", fn, `nothing is mapped at ${hex(start)}`);
  for (const [place, vma] of vmas.entries()) {
    const fields = vma.fields;
    const unaligned =
      (fields.flags & VmFlag.hugetlb) !== 0 &&
      ((place === 0 && start % vma.pageSize !== 0) || (end <= fields.end && end % vma.pageSize !== 0));
    if (unaligned) return refuse("EINVAL", fn, `${hex(start)}-${hex(end)} is not aligned to the huge pages`);
    const refused = refuseMapping(ctx, fields, wanted, fn);
    if (refused !== undefined) return refused;
    if ((fields.flags & VmFlag.mayWrite) === 0)
      return refuse("EPERM", fn, `the mapping at ${hex(fields.start)} may not be written to`);
    if (fields.uffd !== undefined && fields.uffd !== ctx) {
      return refuse("EBUSY", fn, `the mapping at ${hex(fields.start)} has another userfaultfd`);
    }
  }
  return undefined;
}

/** userfaultfd_register_range() */
function registerRange(ctx: Userfaultfd, start: Hva, end: Hva, wanted: number): void {
  const { mm } = ctx;
  for (let at = start; at < end; ) {
    const vma = mm.vmas.first(at, end);
    if (vma === undefined) return;
    const { flags, uffd, start: first, end: last } = vma.fields;
    const to = Math.min(end, last);
    if (uffd !== ctx || (flags & wanted) !== wanted) {
      const change = { flags: (flags & ~UFFD_FLAGS) | wanted, uffd: ctx };
      const registered = modifyVma(vma, Math.max(at, first), to, change);
      // uffd_disable_huge_pmd_share()
      const watches = (wanted & (VmFlag.uffdWp | VmFlag.uffdMinor)) !== 0;
      if (watches && (flags & VmFlag.hugetlb) !== 0) hugetlbUnshareAllPmds(registered);
    }
    at = to;
  }
}

/** UFFDIO_UNREGISTER: userfaultfd_unregister() */
export function uffdioUnregister(task: Task, fd: number, start: Hva, length: number): Result<0> {
  const fn = "userfaultfd_unregister";
  const ctx = initialised(task, fd);
  if (isRefusal(ctx)) return ctx;
  const range = refuseRange(ctx, start, length);
  if (range !== undefined) return range;
  const { mm } = ctx;
  const end = start + length;
  mm.mmapLock.writeLock();
  const vmas = mm.vmas.overlapping(start, end);
  let refused = vmas.length === 0 ? refuse("EINVAL", fn, `nothing is mapped at ${hex(start)}`) : undefined;
  for (const vma of vmas) {
    const fields = vma.fields;
    if (fields.uffd !== undefined && fields.uffd !== ctx)
      refused ??= refuse("EINVAL", fn, "another userfaultfd's mapping");
    refused ??= refuseMapping(ctx, fields, fields.flags, fn);
  }
  for (let at = start; refused === undefined && at < end; ) {
    const vma = mm.vmas.first(at, end);
    if (vma === undefined) break;
    const { start: first, end: last, flags, uffd } = vma.fields;
    const from = Math.max(at, first);
    const to = Math.min(end, last);
    if (uffd !== undefined) {
      // Whoever waits for a missing page does not hang.
      if ((flags & VmFlag.uffdMissing) !== 0) ctx.wake(from, to - from);
      clearVma(vma, from, to);
    }
    at = to;
  }
  mm.mmapLock.writeUnlock();
  return refused ?? 0;
}

/** userfaultfd_clear_vma() */
function clearVma(vma: Vma, start: Hva, end: Hva): void {
  const { flags } = vma.fields;
  if ((flags & VmFlag.uffdWp) !== 0) uffdWpRange(vma, start, end, false);
  modifyVma(vma, start, end, { flags: flags & ~UFFD_FLAGS, uffd: undefined });
}

/** userfaultfd_release(): the descriptor is closed. */
function release(ctx: Userfaultfd): void {
  ctx.released.set(true);
  releaseAll(ctx);
  ctx.wake(0, Number.MAX_SAFE_INTEGER);
}

/** userfaultfd_release_all() */
function releaseAll(ctx: Userfaultfd): void {
  const { mm } = ctx;
  if (mm.users.get() === 0) return;
  mm.mmapLock.writeLock();
  for (let at = 0; ; ) {
    const vma = mm.vmas.first(at, Number.MAX_SAFE_INTEGER);
    if (vma === undefined) break;
    const { start, end, uffd } = vma.fields;
    if (uffd === ctx) clearVma(vma, start, end);
    at = end;
  }
  mm.mmapLock.writeUnlock();
}

/** UFFDIO_WRITEPROTECT: userfaultfd_writeprotect() */
export function uffdioWriteprotect(
  task: Task,
  fd: number,
  start: Hva,
  length: number,
  mode: number,
): Result<0> {
  const fn = "userfaultfd_writeprotect";
  const ctx = initialised(task, fd);
  if (isRefusal(ctx)) return ctx;
  const range = refuseRange(ctx, start, length);
  if (range !== undefined) return range;
  const protect = (mode & UffdWriteprotect.wp) !== 0;
  const dontwake = (mode & UffdWriteprotect.dontwake) !== 0;
  if ((mode & ~(UffdWriteprotect.wp | UffdWriteprotect.dontwake)) !== 0 || (protect && dontwake)) {
    return refuse(
      "EINVAL",
      fn,
      `mode ${hex(mode)}`,
      "UFFDIO_WRITEPROTECT_MODE_WP or UFFDIO_WRITEPROTECT_MODE_DONTWAKE",
    );
  }
  // mwriteprotect_range()
  const { mm } = ctx;
  const end = start + length;
  mm.mmapLock.readLock();
  const vmas = mm.vmas.overlapping(start, end);
  let refused =
    vmas.length === 0
      ? refuse("ENOENT", "mwriteprotect_range", `nothing is mapped at ${hex(start)}`)
      : undefined;
  for (const vma of vmas) {
    const { flags, start: first, end: last } = vma.fields;
    if ((flags & VmFlag.uffdWp) === 0) {
      refused ??= refuse(
        "ENOENT",
        "mwriteprotect_range",
        `the mapping at ${hex(first)} is not registered for write protection`,
      );
    } else if (
      (flags & VmFlag.hugetlb) !== 0 &&
      (start % vma.pageSize !== 0 || length % vma.pageSize !== 0)
    ) {
      refused ??= refuse(
        "EINVAL",
        "mwriteprotect_range",
        `${hex(start)}, ${hex(length)} are not aligned to the huge pages`,
      );
    }
    if (refused !== undefined) break;
    uffdWpRange(vma, Math.max(start, first), Math.min(end, last), protect);
  }
  mm.mmapLock.readUnlock();
  if (refused === undefined && !protect && !dontwake) ctx.wake(start, length);
  return refused ?? 0;
}
