import {
  address,
  bool,
  constant,
  descriptor,
  fileMode,
  flags,
  number,
  optional,
  orElse,
  required,
  size,
  text,
} from "../argument.js";
import { fallocateModes } from "../constants/fallocate.js";
import {
  descriptorFlags,
  fcntlCommands,
  fileAdvices,
  lockOperations,
  openFlags,
  seals,
  whences,
} from "../constants/fcntl.js";
import { ioctlRequests } from "../constants/ioctl.js";
import { memfdFlags } from "../constants/memfd.js";
import { call } from "./call.js";

const fd = { fd: required(descriptor) };
const count = { count: required(size) };

/** System calls on files, the one behind guest memory among them. */
export const fileCalls = {
  memfd_create: call(
    "makes a file in memory",
    { flags: required(flags(memfdFlags)) },
    { gives: "descriptor" },
  ),
  ftruncate: call("sets the size of a file", { ...fd, length: required(size) }),
  fallocate: call("allocates, zeroes or frees a part of a file", {
    ...fd,
    mode: required(flags(fallocateModes)),
    offset: required(size),
    length: required(size),
  }),
  open: call(
    "opens a file",
    { path: optional(text), proc_fd: optional(descriptor), flags: required(flags(openFlags)) },
    { gives: "descriptor" },
  ),
  close: call("closes a descriptor", fd),
  dup: call("duplicates a descriptor", fd, { gives: "descriptor" }),
  read: call("reads from a file", { ...fd, ...count }),
  write: call("writes to a file", { ...fd, ...count }),
  pread: call("reads from a file at an offset", { ...fd, ...count, offset: required(size) }),
  pwrite: call("writes to a file at an offset, or into /proc/self/mem", {
    fd: optional(descriptor),
    proc_self_mem: orElse(bool, false),
    ...count,
    offset: required(size),
  }),
  lseek: call("moves the position in a file", {
    ...fd,
    offset: required(size),
    whence: required(constant(whences)),
  }),
  fsync: call("writes a file back", fd),
  fstat: call("asks for a file's size and mode", fd),
  fstatfs: call("asks for the type of a file's filesystem", fd),
  fchmod: call("sets the mode of a file", { ...fd, mode: required(fileMode) }),
  futimens: call("sets the times of a file to now", fd),
  readlink: call("reads the link /proc/self/fd/N", { proc_fd: required(descriptor) }),
  fcntl: call("does one of fcntl's commands", {
    ...fd,
    cmd: required(constant(fcntlCommands)),
    arg: orElse(flags(seals, openFlags, descriptorFlags), []),
  }),
  flock: call("locks a file", { ...fd, operation: required(constant(lockOperations)) }),
  posix_fadvise: call("gives advice about a part of a file", {
    ...fd,
    offset: required(size),
    length: required(size),
    advice: required(constant(fileAdvices)),
  }),
  readahead: call("reads a part of a file into the page cache", { ...fd, offset: required(size), ...count }),
  copy_file_range: call("copies from file to file", {
    fd_in: required(descriptor),
    off_in: required(size),
    fd_out: required(descriptor),
    off_out: required(size),
    length: required(size),
  }),
  sendfile: call("copies from file to file", {
    out_fd: required(descriptor),
    in_fd: required(descriptor),
    offset: required(size),
    ...count,
  }),
  ioctl: call("any other ioctl", {
    ...fd,
    request: required(constant(ioctlRequests)),
    argp: orElse(address, 0),
  }),
  write_file: call("writes a word to a control file", { path: required(text), value: required(text) }),
  drop_caches: call("drops the page cache, slab caches, or both", { value: required(number) }),
} as const;
