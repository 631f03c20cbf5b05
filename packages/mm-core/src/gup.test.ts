import { expect, test } from "vitest";
import { PAGE_SIZE } from "./addresses.js";
import { getUserPage } from "./gup.js";
import { hostAccess } from "./host-access.js";
import { taskNumaWork } from "./numa/scan.js";
import { fork } from "./syscalls/fork.js";
import { Prot } from "./syscalls/mmap.js";
import { mprotect } from "./syscalls/mprotect.js";
import { processVmRw, writeProcMem } from "./syscalls/process-vm.js";
import { UffdRegister, UffdWriteprotect, uffdioWriteprotect } from "./syscalls/userfaultfd.js";
import { Machine, ok } from "./testing/machine.js";
import { watch } from "./testing/watch.js";

const RAM = 0x2000_0000_0000;

/** Two anonymous pages that were written to. */
function written(): Machine {
  const m = new Machine();
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  for (const page of [0, 1]) hostAccess(m.task, RAM + page * PAGE_SIZE, 7);
  m.host.lru.drain();
  m.notifier.take();
  return m;
}

const isMapped = (m: Machine) => m.accesses(RAM, 2).map((access) => access !== null);
const sites = (m: Machine) => m.notifier.take().map(({ site }) => site);

test("a forced write goes through PROT_NONE, to pages that are there and to pages that are not", () => {
  const m = new Machine();
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  hostAccess(m.task, RAM, 7);
  ok(mprotect(m.task, RAM, 2 * PAGE_SIZE, 0));
  expect(writeProcMem(m.task, RAM, 2 * PAGE_SIZE)).toBe(2 * PAGE_SIZE);
  expect(isMapped(m)).toEqual([false, false]);
});

test("a forced write to a page that others share takes a copy, which stays unwritable", () => {
  const m = written();
  fork(m.task);
  ok(mprotect(m.task, RAM, 2 * PAGE_SIZE, Prot.read));
  sites(m);
  expect(writeProcMem(m.task, RAM, PAGE_SIZE)).toBe(PAGE_SIZE);
  expect(sites(m)).toEqual(["wp_page_copy"]);
  expect(m.accesses(RAM, 1)[0]).toMatchObject({ write: false });
});

test("a forced write asks the userfaultfd that protects the page", () => {
  const m = written();
  const fd = watch(m, RAM, 2 * PAGE_SIZE, UffdRegister.wp);
  ok(uffdioWriteprotect(m.task, fd, RAM, PAGE_SIZE, UffdWriteprotect.wp));
  ok(mprotect(m.task, RAM, 2 * PAGE_SIZE, Prot.read));
  expect(writeProcMem(m.task, RAM + PAGE_SIZE, 8)).toBe(8);
  expect(writeProcMem(m.task, RAM, 8)).toMatchObject({ errno: "EIO" });
});

test("process_vm_readv pins: a page that fork shares is copied first", () => {
  const m = written();
  fork(m.task);
  sites(m);
  expect(processVmRw(m.task, RAM, PAGE_SIZE, false)).toBe(PAGE_SIZE);
  expect(sites(m)).toEqual(["wp_page_copy"]);
});

test("a NUMA hint is in the way of KVM only", () => {
  const m = written();
  m.task.cpu.set(1);
  taskNumaWork(m.task, 1);
  expect(isMapped(m)).toEqual([false, false]);
  expect(processVmRw(m.task, RAM, 2 * PAGE_SIZE, false)).toBe(2 * PAGE_SIZE);
  expect(isMapped(m)).toEqual([false, false]);
  const pfn = getUserPage(m.task, RAM, { write: false, honorNumaFault: true });
  expect(m.accesses(RAM, 2)).toMatchObject([{ pfn }, null]);
});
