import { hex, type Result, refuse } from "../errno.js";
import { type FileOps, OpenFile } from "../file.js";
import { openHugetlb } from "../hugetlb/file.js";
import { hstateOfFlags, SIZE_FLAGS } from "../hugetlb/size.js";
import { NotModelled } from "../not-modelled.js";
import { FallocFlag, openShmem, Seal } from "../shmem.js";
import type { Task } from "../task.js";

export const MemfdFlag = { cloexec: 1, allowSealing: 2, hugetlb: 4, noexecSeal: 8, exec: 16 } as const;
export const OpenFlag = { rdonly: 0, wronly: 1, rdwr: 2, accmode: 3 } as const;

/** memfd_create(2) @returns the descriptor */
export function memfdCreate(task: Task, flags: number): Result<number> {
  const { host } = task.process;
  const known = MemfdFlag.cloexec | MemfdFlag.allowSealing | MemfdFlag.noexecSeal | MemfdFlag.exec;
  const isHugetlb = (flags & MemfdFlag.hugetlb) !== 0;
  const others = flags & ~(known | (isHugetlb ? MemfdFlag.hugetlb | SIZE_FLAGS : 0));
  if (others !== 0) return refuse("EINVAL", "memfd_create", `flags ${hex(flags)} have unknown bits`);
  if ((flags & MemfdFlag.noexecSeal) !== 0 && (flags & MemfdFlag.exec) !== 0) {
    return refuse("EINVAL", "memfd_create", "MFD_EXEC with MFD_NOEXEC_SEAL");
  }
  const sealable = (flags & (MemfdFlag.allowSealing | MemfdFlag.noexecSeal)) !== 0;
  const seals = (sealable ? 0 : Seal.seal) | ((flags & MemfdFlag.noexecSeal) !== 0 ? Seal.exec : 0);
  const hstate = isHugetlb ? hstateOfFlags(host, flags) : undefined;
  if (hstate === null)
    return refuse(
      "ENODEV",
      "hugetlb_file_setup",
      `no huge pages of the size that flags ${hex(flags)} ask for`,
    );
  const file =
    hstate === undefined ? openShmem(host, "memfd", 0, seals) : openHugetlb(host, "memfd", hstate, 0, seals);
  const fd = task.process.install(file);
  if ((flags & MemfdFlag.cloexec) !== 0) task.process.closeOnExec.update((fds) => [...fds, fd]);
  return fd;
}

const DEV_NULL: FileOps = { kind: "/dev/null" };
const CONSOLE: FileOps = { kind: "console" };

/** open(2) of the few paths that scenarios use. @returns the descriptor */
export function open(task: Task, path: string, flags: number): Result<number> {
  const { host } = task.process;
  if (path !== "/dev/null") throw new NotModelled(`open(${path})`);
  const mode = flags & OpenFlag.accmode;
  const access = { read: mode !== OpenFlag.wronly, write: mode !== OpenFlag.rdonly };
  return task.process.install(
    host.store.create(() => new OpenFile(host, path, null, DEV_NULL, null, access)),
  );
}

/** A descriptor of a console, as the VMM has it at 0. */
export function openConsole(task: Task): number {
  const { host } = task.process;
  return task.process.install(host.store.create(() => new OpenFile(host, "console", null, CONSOLE)));
}

/** close(2) */
export function close(task: Task, fd: number): Result<0> {
  const { process } = task;
  const file = process.file(fd);
  if (file === null) return badDescriptor("close", fd);
  process.files.update((files) => files.with(fd, null));
  process.closeOnExec.update((fds) => fds.filter((other) => other !== fd));
  file.put();
  return 0;
}

/** dup(2) */
export function dup(task: Task, fd: number): Result<number> {
  const file = task.process.file(fd);
  return file === null ? badDescriptor("dup", fd) : task.process.install(file.get());
}

/** ftruncate(2) */
export function ftruncate(task: Task, fd: number, length: number): Result<0> {
  const fn = "do_ftruncate";
  if (length < 0 || length >= 2 ** 63) return refuse("EINVAL", fn, `length ${hex(length)} is negative`);
  const file = task.process.file(fd);
  if (file === null) return badDescriptor(fn, fd);
  const { inode } = file;
  if (inode === null || !file.access.write) {
    return refuse("EINVAL", fn, `${file.name} is no regular file open for writing`);
  }
  if (file.ops.truncate === undefined) {
    return refuse("EINVAL", "notify_change", `a ${file.ops.kind} file's size is fixed when it is created`);
  }
  inode.lock.writeLock();
  const refused = file.ops.truncate(file, length);
  inode.lock.writeUnlock();
  return refused ?? 0;
}

/** fallocate(2) */
export function fallocate(task: Task, fd: number, mode: number, offset: number, length: number): Result<0> {
  const file = task.process.file(fd);
  if (file === null) return badDescriptor("ksys_fallocate", fd);
  return vfsFallocate(task, file, mode, offset, length);
}

/** vfs_fallocate() */
export function vfsFallocate(
  task: Task,
  file: OpenFile,
  mode: number,
  offset: number,
  length: number,
): Result<0> {
  const fn = "vfs_fallocate";
  if (offset < 0 || offset >= 2 ** 63 || length <= 0 || length >= 2 ** 63) {
    return refuse(
      "EINVAL",
      fn,
      `offset ${hex(offset)}, length ${hex(length)}`,
      "an offset of 0 or more, and a positive length",
    );
  }
  if ((mode & FallocFlag.punchHole) !== 0 && (mode & FallocFlag.keepSize) === 0) {
    return refuse("EOPNOTSUPP", fn, "FALLOC_FL_PUNCH_HOLE without FALLOC_FL_KEEP_SIZE");
  }
  if (!file.access.write) return refuse("EBADF", fn, `${file.name} is not open for writing`);
  if (file.inode === null) return refuse("ENODEV", fn, `${file.name} is no regular file`);
  if (offset + length > MAX_BYTES)
    return refuse("EFBIG", fn, `${hex(offset)} plus ${hex(length)} exceeds the largest file`);
  if (file.ops.fallocate === undefined)
    return refuse("EOPNOTSUPP", fn, `a ${file.ops.kind} file has no fallocate`);
  return file.ops.fallocate(file, mode, offset, length, task) ?? 0;
}

/** s_maxbytes: MAX_LFS_FILESIZE */
const MAX_BYTES = 2 ** 63;

function badDescriptor(fn: string, fd: number): Result<never> {
  return refuse("EBADF", fn, `descriptor ${fd} is not open`);
}
