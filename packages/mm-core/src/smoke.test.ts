import { Store } from "@kvmm/interleave";
import { expect, test } from "vitest";
import {
  ftruncate,
  Host,
  hostAccess,
  isRefusal,
  MapFlag,
  madvise,
  memfdCreate,
  mmap,
  munmap,
  Prot,
  taskNumaWork,
  whereArePages,
} from "./index.js";

test("a write to anonymous memory takes a page, and munmap gives it back", () => {
  const store = new Store();
  const host = new Host(store);
  const vmm = host.spawn("vmm");
  const used = host.frames.used(0);
  const usedThere = host.frames.used(1);
  const ram = mmap(vmm, {
    addr: 0x2000_0000_0000,
    length: 65536,
    prot: Prot.read | Prot.write,
    flags: MapFlag.private | MapFlag.anonymous | MapFlag.fixedNoreplace,
    fd: -1,
    offset: 0,
  });
  if (isRefusal(ram)) throw new Error(ram.toString());
  expect(hostAccess(vmm, ram)).toEqual({ value: 0 });
  expect(hostAccess(vmm, ram, 7)).toEqual({ value: 7 });
  for (let i = 0; i < 16; i++) hostAccess(vmm, ram + i * 4096, i);
  expect(whereArePages(vmm, ram, 16)).toEqual(Array(16).fill(0));
  vmm.cpu.set(1);
  // Only what is on the LRU can be moved.
  host.lru.drain();
  taskNumaWork(vmm, 1);
  for (let i = 0; i < 16; i++) expect(hostAccess(vmm, ram + i * 4096)).toEqual({ value: i });
  expect(whereArePages(vmm, ram, 16)).toEqual(Array(16).fill(1));
  madvise(vmm, ram, 8192, 4);
  expect(hostAccess(vmm, ram)).toEqual({ value: 0 });
  expect(munmap(vmm, ram, 65536)).toBe(0);
  expect(host.frames.used(0)).toBe(used);
  expect(host.frames.used(1)).toBe(usedThere);
  expect(hostAccess(vmm, ram)).toEqual({ signal: "SIGSEGV", code: "SEGV_MAPERR" });
  const fd = memfdCreate(vmm, 0) as number;
  ftruncate(vmm, fd, 65536);
  const s = mmap(vmm, {
    addr: 0x2000_0000_0000,
    length: 65536,
    prot: 3,
    flags: MapFlag.shared | MapFlag.fixed,
    fd,
    offset: 0,
  }) as number;
  expect(hostAccess(vmm, s, 3)).toEqual({ value: 3 });
  const p = mmap(vmm, {
    addr: 0x2100_0000_0000,
    length: 65536,
    prot: 3,
    flags: MapFlag.private | MapFlag.fixed,
    fd,
    offset: 0,
  }) as number;
  expect(hostAccess(vmm, p)).toEqual({ value: 3 });
  expect(hostAccess(vmm, p, 4)).toEqual({ value: 4 });
  expect(hostAccess(vmm, s)).toEqual({ value: 3 });
});
test("speed", () => {
  const store = new Store();
  const host = new Host(store, { nodeSize: 8 * 2 ** 30 });
  const vmm = host.spawn("vmm");
  const ram = mmap(vmm, {
    addr: 0x2000_0000_0000,
    length: 2 ** 32,
    prot: 3,
    flags: MapFlag.private | MapFlag.anonymous | MapFlag.fixed,
    fd: -1,
    offset: 0,
  }) as number;
  const t = performance.now();
  for (let i = 0; i < 2 ** 20; i++) hostAccess(vmm, ram + i * 4096, i);
  const t1 = performance.now();
  munmap(vmm, ram, 2 ** 32);
  console.log("touch", t1 - t, "unmap", performance.now() - t1);
}, 60_000);
