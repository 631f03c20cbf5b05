import { type Refusal, type Result, refuse } from "../errno.js";
import type { OpenFile } from "../file.js";
import type { Task } from "../task.js";

/** vfs_fsync_range(). What is modelled lives in memory: there is nothing to write back. */
export function fsyncFile(file: OpenFile): Refusal | undefined {
  if (file.ops.fsync === true) return undefined;
  return refuse("EINVAL", "vfs_fsync_range", `a ${file.ops.kind} file has no fsync`);
}

/** fsync(2) */
export function fsync(task: Task, fd: number): Result<0> {
  const file = task.process.file(fd);
  if (file === null) return refuse("EBADF", "do_fsync", `descriptor ${fd} is not open`);
  return fsyncFile(file) ?? 0;
}
