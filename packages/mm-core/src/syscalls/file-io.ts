import { hex, isRefusal, type Result, refuse } from "../errno.js";
import type { OpenFile } from "../file.js";
import { NotModelled } from "../not-modelled.js";
import type { Task } from "../task.js";

function opened(task: Task, fd: number, fn: string): Result<OpenFile> {
  return task.process.file(fd) ?? refuse("EBADF", fn, `descriptor ${fd} is not open`);
}

/** read(2). @returns bytes */
export function read(task: Task, fd: number, count: number): Result<number> {
  const file = opened(task, fd, "ksys_read");
  if (isRefusal(file)) return file;
  if (!file.access.read) return refuse("EBADF", "vfs_read", `${file.name} is not open for reading`);
  if (file.ops.read === undefined)
    return refuse("EINVAL", "vfs_read", `a ${file.ops.kind} file cannot be read`);
  const done = file.ops.read(file, file.position.get(), count);
  if (!isRefusal(done)) file.position.update((at) => at + done);
  return done;
}

/** write(2) of anything. @returns bytes */
export function write(task: Task, fd: number, count: number): Result<number> {
  const file = opened(task, fd, "ksys_write");
  if (isRefusal(file)) return file;
  if (!file.access.write) return refuse("EBADF", "vfs_write", `${file.name} is not open for writing`);
  if (file.ops.write === undefined)
    return refuse("EINVAL", "vfs_write", `a ${file.ops.kind} file cannot be written`);
  const done = file.ops.write(file, file.position.get(), count, task);
  if (!isRefusal(done)) file.position.update((at) => at + done);
  return done;
}

/** pread(2). @returns bytes */
export function pread(task: Task, fd: number, count: number, offset: number): Result<number> {
  const fn = "ksys_pread64";
  if (offset < 0) return refuse("EINVAL", fn, `offset ${hex(offset)} is negative`);
  const file = opened(task, fd, fn);
  if (isRefusal(file)) return file;
  if (file.ops.read === undefined)
    return refuse("ESPIPE", fn, `a ${file.ops.kind} file has no positions to read from`);
  if (!file.access.read) return refuse("EBADF", "vfs_read", `${file.name} is not open for reading`);
  return file.ops.read(file, offset, count);
}

/** pwrite(2) of anything. @returns bytes */
export function pwrite(task: Task, fd: number, count: number, offset: number): Result<number> {
  const fn = "ksys_pwrite64";
  if (offset < 0) return refuse("EINVAL", fn, `offset ${hex(offset)} is negative`);
  const file = opened(task, fd, fn);
  if (isRefusal(file)) return file;
  if (file.ops.write === undefined)
    return refuse("ESPIPE", fn, `a ${file.ops.kind} file has no positions to write to`);
  if (!file.access.write) return refuse("EBADF", "vfs_write", `${file.name} is not open for writing`);
  return file.ops.write(file, offset, count, task);
}

/** copy_file_range(2), as far as it is refused. */
export function copyFileRange(task: Task, fdIn: number, fdOut: number): Result<number> {
  const fn = "vfs_copy_file_range";
  const from = opened(task, fdIn, fn);
  if (isRefusal(from)) return from;
  const to = opened(task, fdOut, fn);
  if (isRefusal(to)) return to;
  if (from.ops.identity?.magic === to.ops.identity?.magic)
    throw new NotModelled("copy_file_range within a file system");
  return refuse("EXDEV", fn, `${from.ops.kind} and ${to.ops.kind} are different file systems`);
}

/** sendfile(2) from an offset, as far as it is refused. */
export function sendfile(task: Task, outFd: number, inFd: number): Result<number> {
  const fn = "do_sendfile";
  const from = opened(task, inFd, fn);
  if (isRefusal(from)) return from;
  if (from.ops.read === undefined)
    return refuse("ESPIPE", fn, `a ${from.ops.kind} file has no positions to read from`);
  const to = opened(task, outFd, fn);
  if (isRefusal(to)) return to;
  throw new NotModelled("sendfile");
}
