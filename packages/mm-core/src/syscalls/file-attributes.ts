import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import type { FileIdentity, OpenFile } from "../file.js";
import { NotModelled } from "../not-modelled.js";
import type { Task } from "../task.js";
import { OpenFlag } from "./files.js";

interface Known {
  readonly file: OpenFile;
  readonly identity: FileIdentity;
}

function known(task: Task, fd: number, fn: string): Result<Known> {
  const file = task.process.file(fd);
  if (file === null) return refuse("EBADF", fn, `descriptor ${fd} is not open`);
  const { identity } = file.ops;
  if (identity === undefined) throw new NotModelled(`${fn} of ${file.ops.kind}`);
  return { file, identity };
}

/** struct stat, as far as it says something. */
export interface FileStatus {
  readonly size: number;
  /** Of 512 bytes. */
  readonly blocks: number;
  readonly mode: number;
  readonly nlink: number;
  readonly blksize: number;
}

/** fstat(2) */
export function fstat(task: Task, fd: number): Result<FileStatus> {
  const found = known(task, fd, "vfs_fstat");
  if (isRefusal(found)) return found;
  const { identity, file } = found;
  const inode = file.inode!;
  let cached = 0;
  if (identity.blocksPerPage > 0) {
    const end = Number.MAX_SAFE_INTEGER;
    for (let index = inode.pages.next(0, end); index >= 0; index = inode.pages.next(index + 1, end)) cached++;
    for (let index = inode.swapped.next(0, end); index >= 0; index = inode.swapped.next(index + 1, end))
      cached++;
  }
  const { mode, nlink, blocksPerPage } = identity;
  return { size: inode.size.get(), blocks: cached * blocksPerPage, mode, nlink, blksize: 4096 };
}

/** fstatfs(2): f_type. */
export function fstatfs(task: Task, fd: number): Result<number> {
  const found = known(task, fd, "fd_statfs");
  return isRefusal(found) ? found : found.identity.magic;
}

/** readlink(2) of /proc/self/fd/N */
export function readlinkFd(task: Task, fd: number): Result<string> {
  const file = task.process.file(fd);
  if (file === null) return refuse("ENOENT", "proc_fd_link", `descriptor ${fd} is not open`);
  const found = known(task, fd, "proc_fd_link");
  return isRefusal(found) ? found : found.identity.link;
}

/** open(2) of /proc/self/fd/N: the same file once more, with an access of its own. @returns the descriptor */
export function reopen(task: Task, fd: number, flags: number): Result<number> {
  const file = task.process.file(fd);
  if (file === null) return refuse("ENOENT", "proc_fd_link", `descriptor ${fd} is not open`);
  const found = known(task, fd, "open");
  if (isRefusal(found)) return found;
  if (found.identity.isAnonymousInode)
    return refuse("ENXIO", "no_open", `a ${file.ops.kind} file cannot be opened again`);
  throw new NotModelled(`open(/proc/self/fd/N, ${hex(flags & OpenFlag.accmode)}) of ${file.ops.kind}`);
}

/** fchmod(2), futimens(2): what they change is not modelled, only whether they may. */
export function changeAttributes(task: Task, fd: number): Result<0> {
  const file = task.process.file(fd);
  if (file === null) return refuse("EBADF", "notify_change", `descriptor ${fd} is not open`);
  if (file.ops.changeable === true) return 0;
  return refuse("EINVAL", "notify_change", `a ${file.ops.kind} file's attributes cannot be changed`);
}

/** readahead(2): what is in memory needs none. */
export function readahead(task: Task, fd: number): Result<0> {
  const found = known(task, fd, "ksys_readahead");
  if (isRefusal(found)) return found;
  return found.identity.isAnonymousInode
    ? refuse("EINVAL", "ksys_readahead", `a ${found.file.ops.kind} file is an anonymous inode`)
    : 0;
}

/** posix_fadvise(2): nothing that is in memory only is dropped or read for it. */
export function posixFadvise(task: Task, fd: number, length: number, advice: number): Result<0> {
  const fn = "generic_fadvise";
  const file = task.process.file(fd);
  if (file === null) return refuse("EBADF", fn, `descriptor ${fd} is not open`);
  if (file.inode === null || length < 0)
    return refuse("EINVAL", fn, length < 0 ? "the length is negative" : `${file.name} has no pages`);
  return advice >= 0 && advice <= 5 ? 0 : refuse("EINVAL", fn, `advice ${advice} is unknown`);
}

/** flock(2): locks of files are not modelled, but that they can be had. */
export function flock(task: Task, fd: number): Result<0> {
  return task.process.file(fd) === null ? refuse("EBADF", "sys_flock", `descriptor ${fd} is not open`) : 0;
}

/** ioctl(2) on a file that knows none. */
export function ioctlUnknown(task: Task, fd: number, request: number): Refusal {
  const file = task.process.file(fd);
  if (file === null) return refuse("EBADF", "sys_ioctl", `descriptor ${fd} is not open`);
  if (file.ops.identity === undefined) throw new NotModelled(`ioctl(${hex(request)}) on ${file.ops.kind}`);
  return refuse("ENOTTY", "vfs_ioctl", `a ${file.ops.kind} file has no request ${hex(request)}`);
}
