import { describe, expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { Seal } from "../shmem.js";
import { Machine, ok } from "../testing/machine.js";
import { FcntlCommand, fcntl } from "./fcntl.js";
import { fstat } from "./file-attributes.js";
import { pread, pwrite, read, write } from "./file-io.js";
import { close, ftruncate, MemfdFlag, memfdCreate } from "./files.js";
import { Madv, madvise } from "./madvise.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { munmap } from "./munmap.js";
import { processVmRw, writeProcMem } from "./process-vm.js";

const RAM = 0x2000_0000_0000;

function machine(flags = 0): { m: Machine; fd: number } {
  const m = new Machine();
  return { m, fd: ok(memfdCreate(m.task, flags)) };
}

describe("a memfd", () => {
  test("grows by writes, is read up to its end, and counts its pages", () => {
    const { m, fd } = machine();
    expect(write(m.task, fd, 100)).toBe(100);
    expect(pwrite(m.task, fd, 10, PAGE_SIZE)).toBe(10);
    expect(read(m.task, fd, 5000)).toBe(PAGE_SIZE + 10 - 100);
    expect(pread(m.task, fd, 10, 2 * PAGE_SIZE)).toBe(0);
    expect(fstat(m.task, fd)).toMatchObject({ size: PAGE_SIZE + 10, blocks: 16 });
  });

  test("keeps its seals", () => {
    const { m, fd } = machine(MemfdFlag.allowSealing);
    ok(ftruncate(m.task, fd, PAGE_SIZE));
    const map = {
      addr: RAM,
      length: PAGE_SIZE,
      prot: Prot.read | Prot.write,
      flags: MapFlag.shared | MapFlag.fixed,
      fd,
      offset: 0,
    };
    ok(mmap(m.task, map));
    expect(fcntl(m.task, fd, FcntlCommand.addSeals, Seal.write)).toMatchObject({ errno: "EBUSY" });
    munmap(m.task, RAM, PAGE_SIZE);
    ok(fcntl(m.task, fd, FcntlCommand.addSeals, Seal.write | Seal.grow | Seal.seal));
    expect(fcntl(m.task, fd, FcntlCommand.getSeals, 0)).toBe(Seal.write | Seal.grow | Seal.seal);
    expect(write(m.task, fd, 1)).toMatchObject({ errno: "EPERM" });
    expect(ftruncate(m.task, fd, 2 * PAGE_SIZE)).toMatchObject({ errno: "EPERM" });
    expect(fcntl(m.task, fd, FcntlCommand.addSeals, Seal.shrink)).toMatchObject({ errno: "EPERM" });
  });

  test("gives back all of its memory with its last user, in swap or not", () => {
    const { m, fd } = machine();
    const used = m.used;
    ok(ftruncate(m.task, fd, 2 * PAGE_SIZE));
    ok(
      mmap(m.task, {
        addr: RAM,
        length: 2 * PAGE_SIZE,
        prot: Prot.read | Prot.write,
        flags: MapFlag.shared | MapFlag.fixed,
        fd,
        offset: 0,
      }),
    );
    hostAccess(m.task, RAM, 1);
    hostAccess(m.task, RAM + PAGE_SIZE, 2);
    madvise(m.task, RAM, PAGE_SIZE, Madv.pageout);
    expect(m.host.swap.used()).toBe(1);
    close(m.task, fd);
    expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 2 });
    munmap(m.task, RAM, 2 * PAGE_SIZE);
    m.host.lru.drain();
    expect([m.used, m.host.swap.used()]).toEqual([used, 0]);
  });
});

test("process_vm_writev keeps to the protection, /proc/PID/mem does not", () => {
  const m = new Machine();
  m.mapAnon(RAM, PAGE_SIZE);
  hostAccess(m.task, RAM, 1);
  mmap(m.task, {
    addr: RAM + PAGE_SIZE,
    length: PAGE_SIZE,
    prot: Prot.read,
    flags: MapFlag.private | MapFlag.anonymous | MapFlag.fixed,
    fd: -1,
    offset: 0,
  });
  expect(processVmRw(m.task, RAM, 2 * PAGE_SIZE, true)).toBe(PAGE_SIZE);
  expect(processVmRw(m.task, RAM + PAGE_SIZE, 8, true)).toMatchObject({ errno: "EFAULT" });
  expect(writeProcMem(m.task, RAM + PAGE_SIZE, 8)).toBe(8);
  expect(m.accesses(RAM + PAGE_SIZE, 1)[0]).toMatchObject({ write: false });
  expect(writeProcMem(m.task, RAM + 2 * PAGE_SIZE, 8)).toMatchObject({ errno: "EIO" });
});
