import { hex, type Result, refuse } from "../errno.js";
import type { OpenFile } from "../file.js";
import { NotModelled } from "../not-modelled.js";
import { Seal } from "../shmem.js";
import type { Task } from "../task.js";
import { VmFlag } from "../vma.js";

export const FcntlCommand = {
  dupfd: 0,
  getfd: 1,
  setfd: 2,
  getfl: 3,
  setfl: 4,
  dupfdCloexec: 0x406,
  addSeals: 0x409,
  getSeals: 0x40a,
} as const;

const ALL_SEALS = Seal.seal | Seal.shrink | Seal.grow | Seal.write | Seal.futureWrite | Seal.exec;
const O_LARGEFILE = 0x2_0000;
/** SETFL_MASK: O_APPEND, O_NONBLOCK, O_DIRECT, O_NOATIME. */
const SETFL_MASK = 0x400 | 0x800 | 0x1_0000 | 0x4_0000;

/** fcntl(2). @returns what the command returns; for F_GETFL the flags */
export function fcntl(task: Task, fd: number, command: number, arg: number): Result<number> {
  const { process } = task;
  const file = process.file(fd);
  if (file === null) return refuse("EBADF", "sys_fcntl", `descriptor ${fd} is not open`);
  switch (command) {
    case FcntlCommand.getfd:
      return process.closeOnExec.get().includes(fd) ? 1 : 0;
    case FcntlCommand.setfd:
      process.closeOnExec.update((fds) => [
        ...fds.filter((other) => other !== fd),
        ...((arg & 1) !== 0 ? [fd] : []),
      ]);
      return 0;
    case FcntlCommand.getfl:
      return O_LARGEFILE | (file.access.write ? (file.access.read ? 2 : 1) : 0) | file.statusFlags.get();
    case FcntlCommand.setfl:
      file.statusFlags.set(arg & SETFL_MASK);
      return 0;
    case FcntlCommand.addSeals:
      return addSeals(file, arg);
    case FcntlCommand.getSeals:
      return (
        file.ops.seals?.(file).get() ??
        refuse("EINVAL", "memfd_get_seals", `a ${file.ops.kind} file has no seals`)
      );
    default:
      throw new NotModelled(`fcntl(${hex(command)})`);
  }
}

/** memfd_add_seals() */
function addSeals(file: OpenFile, seals: number): Result<0> {
  const fn = "memfd_add_seals";
  if (!file.access.write) return refuse("EPERM", fn, `${file.name} is not open for writing`);
  if ((seals & ~ALL_SEALS) !== 0) return refuse("EINVAL", fn, `seals ${hex(seals)} have unknown bits`);
  const cell = file.ops.seals?.(file);
  if (cell === undefined) return refuse("EINVAL", fn, `a ${file.ops.kind} file cannot be sealed`, "a memfd");
  const inode = file.inode!;
  inode.lock.writeLock();
  const old = cell.get();
  let result: Result<0> = 0;
  if ((old & Seal.seal) !== 0)
    result = refuse("EPERM", fn, "the file's seals are sealed", "MFD_ALLOW_SEALING when it is created");
  else if ((seals & ~old & Seal.write) !== 0 && hasWritableMappings(file)) {
    // mapping_deny_writable()
    result = refuse(
      "EBUSY",
      fn,
      "the file has shared mappings that may be written to (F_SEAL_WRITE)",
      "F_SEAL_FUTURE_WRITE",
    );
  } else cell.set(old | seals);
  inode.lock.writeUnlock();
  return result;
}

/** i_mmap_writable */
function hasWritableMappings(file: OpenFile): boolean {
  const inode = file.inode!;
  inode.mappingsLock.readLock();
  const vmas = inode.mappings.overlapping(0, Number.MAX_SAFE_INTEGER);
  inode.mappingsLock.readUnlock();
  const both = VmFlag.shared | VmFlag.mayWrite;
  return vmas.some((vma) => (vma.fields.flags & both) === both);
}
