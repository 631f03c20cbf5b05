import { expect, test } from "vitest";
import { PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { FallocFlag } from "../shmem.js";
import { fallocate, ftruncate, MemfdFlag, memfdCreate } from "../syscalls/files.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { UffdRegister, UffdWriteprotect, uffdioWriteprotect } from "../syscalls/userfaultfd.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";

const RAM = 0x2000_0000_0000;
const LENGTH = 2 * PMD_SIZE;
const WAITS = { waits: "userfaultfd" };

/** Two huge pages of a file, the first of them written to, protected against writes by a userfaultfd. */
function machine() {
  const m = new Machine();
  const file = ok(memfdCreate(m.task, MemfdFlag.hugetlb + 21 * 2 ** 26));
  const prot = Prot.read | Prot.write;
  const flags = MapFlag.shared | MapFlag.fixed;
  ok(mmap(m.task, { addr: RAM, length: LENGTH, prot, flags, fd: file, offset: 0 }));
  hostAccess(m.task, RAM, 7);
  const fd = watch(m, RAM, LENGTH, UffdRegister.wp);
  ok(uffdioWriteprotect(m.task, fd, RAM, LENGTH, UffdWriteprotect.wp));
  return { m, file, fd };
}

test("a huge page that is protected before it is there can be read anywhere, and not be written", () => {
  const { m } = machine();
  expect(hostAccess(m.task, RAM + PMD_SIZE + 3 * PAGE_SIZE)).toEqual({ value: 0 });
  expect(m.sizes(RAM + PMD_SIZE, 1)).toEqual([PMD_SIZE]);
  expect(hostAccess(m.task, RAM + PMD_SIZE, 1)).toEqual(WAITS);
});

test("its protection outlives MADV_DONTNEED and a hole in the file", () => {
  const { m, file } = machine();
  ok(madvise(m.task, RAM, PMD_SIZE, Madv.dontneed));
  expect(hostAccess(m.task, RAM, 1)).toEqual(WAITS);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 7 });
  ok(fallocate(m.task, file, FallocFlag.punchHole | FallocFlag.keepSize, 0, PMD_SIZE));
  expect(hostAccess(m.task, RAM, 1)).toEqual(WAITS);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
});

test("and ends with the file's end, or when it is taken back", () => {
  const { m, file, fd } = machine();
  ok(uffdioWriteprotect(m.task, fd, RAM + PMD_SIZE, PMD_SIZE, 0));
  expect(hostAccess(m.task, RAM + PMD_SIZE, 1)).toEqual({ value: 1 });
  ok(ftruncate(m.task, file, 0));
  ok(ftruncate(m.task, file, LENGTH));
  expect(hostAccess(m.task, RAM, 1)).toEqual({ value: 1 });
});
