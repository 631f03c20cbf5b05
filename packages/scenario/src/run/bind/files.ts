import {
  changeAttributes,
  close,
  copyFileRange,
  dup,
  FcntlCommand,
  fallocate,
  fcntl,
  flock,
  fstat,
  fstatfs,
  fsync,
  ftruncate,
  hex,
  ioctlUnknown,
  isRefusal,
  memfdCreate,
  NotModelled,
  open,
  posixFadvise,
  pread,
  pwrite,
  read,
  readahead,
  readlinkFd,
  reopen,
  sendfile,
  write,
  writeFile,
  writeProcMem,
} from "@kvmm/mm-core";
import type { Bindings, CallOutcome } from "../outcome.js";
import { count, int, named, signed, unsigned, zero } from "../results.js";

export const fileBindings = {
  memfd_create: (_world, task, { flags }) => named(memfdCreate(task, unsigned(flags))),
  open: (_world, task, { path, proc_fd, flags }) => {
    if (proc_fd !== undefined) return named(reopen(task, int(proc_fd), unsigned(flags)));
    if (path === undefined) throw new NotModelled("open of no path");
    return named(open(task, path, unsigned(flags)));
  },
  close: (_world, task, { fd }) => zero(close(task, int(fd))),
  dup: (_world, task, { fd }) => named(dup(task, int(fd))),
  ftruncate: (_world, task, { fd, length }) => zero(ftruncate(task, int(fd), signed(length))),
  fallocate: (_world, task, { fd, mode, offset, length }) =>
    zero(fallocate(task, int(fd), int(mode), signed(offset), signed(length))),
  fsync: (_world, task, { fd }) => zero(fsync(task, int(fd))),
  read: (_world, task, { fd, count: bytes }) => count(read(task, int(fd), unsigned(bytes))),
  write: (_world, task, { fd, count: bytes }) => count(write(task, int(fd), unsigned(bytes))),
  pread: (_world, task, { fd, count: bytes, offset }) =>
    count(pread(task, int(fd), unsigned(bytes), signed(offset))),
  pwrite: (_world, task, { fd, proc_self_mem, count: bytes, offset }) => {
    if (proc_self_mem) return count(writeProcMem(task, unsigned(offset), unsigned(bytes)));
    return count(pwrite(task, int(fd ?? -1n), unsigned(bytes), signed(offset)));
  },
  copy_file_range: (_world, task, { fd_in, fd_out }) => count(copyFileRange(task, int(fd_in), int(fd_out))),
  sendfile: (_world, task, { out_fd, in_fd }) => count(sendfile(task, int(out_fd), int(in_fd))),
  fstat: (_world, task, { fd }) => {
    const status = fstat(task, int(fd));
    if (isRefusal(status)) return { refusal: status };
    return { observation: { stat: { ...status, mode: `0${status.mode.toString(8)}` } } };
  },
  fstatfs: (_world, task, { fd }) => {
    const magic = fstatfs(task, int(fd));
    return isRefusal(magic) ? { refusal: magic } : { observation: { f_type: hex(magic) } };
  },
  readlink: (_world, task, { proc_fd }) => {
    const target = readlinkFd(task, int(proc_fd));
    return isRefusal(target) ? { refusal: target } : { observation: { ret: target.length, target } };
  },
  fchmod: (_world, task, { fd }) => zero(changeAttributes(task, int(fd))),
  futimens: (_world, task, { fd }) => zero(changeAttributes(task, int(fd))),
  fcntl: (_world, task, { fd, cmd, arg }): CallOutcome => {
    const result = fcntl(task, int(fd), int(cmd), unsigned(arg));
    if (isRefusal(result)) return { refusal: result };
    return { observation: int(cmd) === FcntlCommand.getfl ? { flags: hex(result) } : { ret: result } };
  },
  flock: (_world, task, { fd }) => zero(flock(task, int(fd))),
  posix_fadvise: (_world, task, { fd, length, advice }) =>
    zero(posixFadvise(task, int(fd), signed(length), int(advice))),
  write_file: (world, _task, { path, value }) => zero(writeFile(world.host, path, value)),
  readahead: (_world, task, { fd }) => zero(readahead(task, int(fd))),
  ioctl: (_world, task, { fd, request }) => ({ refusal: ioctlUnknown(task, int(fd), unsigned(request)) }),
} satisfies Bindings;
