import {
  arm64,
  getVtcr,
  type Ipa,
  ipa,
  MemoryCache,
  type Pa,
  Prot,
  pa,
  recordedMachine,
  Stage2,
  Walk,
} from "@kvmm/arm64-stage2";
import { RwLock, Store } from "@kvmm/interleave";
import { guestAccess, KvmModule, kvmIoctl, openKvm, type Vcpu } from "@kvmm/kvm-memslots";
import { Host, Prot as HostProt, hostAccess, isRefusal, MapFlag, mmap, PAGE_SIZE } from "@kvmm/mm-core";

// The stage-2 tables alone, and KVM/arm64's faults on top of them: 1 GiB of guest memory by pages and by blocks.

const SIZE = 2 ** 30;
const BLOCK = 2 ** 21;
const ROUNDS = 5;
const GPA = 0x8000_0000;
const RAM = 0x2000_0000_0000;

/** CPU seconds of a piece of work. */
function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

function must<T>(result: T): Exclude<T, { errno: string }> {
  if (isRefusal(result)) throw new Error(result.toString());
  return result as Exclude<T, { errno: string }>;
}

const seconds = new Map<string, number[]>();
function note(what: string, work: () => void): void {
  const all = seconds.get(what) ?? [];
  all.push(cpu(work));
  seconds.set(what, all);
}

/** Bytes of the process that are in use. */
function bytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function tables() {
  const store = new Store();
  const lock = new RwLock(store, "kvm->mmu_lock");
  const pgt = new Stage2({
    store,
    machine: recordedMachine,
    vtcr: getVtcr(recordedMachine, 6n, 0n, 40),
    lock,
  });
  pgt.init();
  lock.writeLock();
  return { pgt, cache: new MemoryCache(store, "cache", 4096) };
}

/** Blocks are so few in 1 GiB that more of it is measured. */
const MORE = 64;

/** The operations of the page-table code on memory mapped in entries of `granule` bytes, one call for each as a fault does. */
function walks(name: string, granule: number): { readonly tables: number; readonly bytes: number } {
  const size = granule === BLOCK ? MORE * SIZE : SIZE;
  const before = bytes();
  const { pgt, cache } = tables();
  note(`map ${name}`, () => {
    for (let at = 0; at < size; at += granule) {
      pgt.map(ipa(GPA + at), granule, pa(GPA + at), Prot.RW, cache, Walk.SHARED);
    }
  });
  const used = bytes() - before;
  const { pages } = pgt.tables;
  note(`age ${name}`, () => void pgt.testClearYoung(GPA as Ipa, size, true));
  note(`write-protect ${name}`, () => void pgt.wrprotect(GPA as Ipa, size));
  note(`relax ${name}`, () => {
    for (let at = 0; at < size; at += granule) pgt.relaxPerms((GPA + at) as Ipa, Prot.RW, Walk.SHARED);
  });
  note(`unmap ${name}`, () => void pgt.unmap(GPA as Ipa, size));
  if (granule === BLOCK) {
    pgt.map(GPA as Ipa, size, GPA as Pa, Prot.RW, cache);
    note("split 2M blocks into pages", () => {
      for (let at = 0; at < SIZE; at += BLOCK) pgt.split((GPA + at) as Ipa, BLOCK, cache);
    });
  }
  return { tables: pages, bytes: used };
}

/** A guest on memory of its VMM that is there already. */
function guest(transparentHugepage: "always" | "never") {
  const host = new Host(new Store(), { nodeSize: 4 * SIZE, transparentHugepage });
  const module = new KvmModule(host, { architecture: arm64() });
  const vmm = host.spawn("vmm");
  const vm = must(kvmIoctl(vmm, openKvm(vmm, module), { request: "KVM_CREATE_VM" })).ret;
  const vcpu = vmm.process.file(must(kvmIoctl(vmm, vm, { request: "KVM_CREATE_VCPU" })).ret)!.data as Vcpu;
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  must(
    mmap(vmm, { addr: RAM, length: SIZE, prot: HostProt.read | HostProt.write, flags, fd: -1, offset: 0 }),
  );
  const step = transparentHugepage === "always" ? BLOCK : PAGE_SIZE;
  for (let at = 0; at < SIZE; at += step) hostAccess(vmm, RAM + at, 1);
  const log = (on: boolean) => {
    const arg = { slot: 0, flags: on ? 1 : 0, guestPhysAddr: GPA, memorySize: SIZE, userspaceAddr: RAM };
    must(kvmIoctl(vmm, vm, { request: "KVM_SET_USER_MEMORY_REGION2", arg }));
  };
  log(false);
  const write = (stride: number) => {
    for (let at = 0; at < SIZE; at += stride) guestAccess(vcpu, GPA + at, "write", 1);
  };
  return { write, log };
}

function faults(): void {
  const small = guest("never");
  note("guest faults, 4K pages", () => small.write(PAGE_SIZE));
  small.log(true);
  note("guest faults, logged 4K pages", () => small.write(PAGE_SIZE));
  const huge = guest("always");
  note("guest faults, 2M blocks", () => huge.write(BLOCK));
  huge.log(true);
  note("guest faults, logged, 2M blocks split by the first", () => huge.write(BLOCK));
}

let byPages = { tables: 0, bytes: 0 };
let byBlocks = { tables: 0, bytes: 0 };
for (let round = 0; round < ROUNDS; round++) {
  byPages = walks("4K pages", PAGE_SIZE);
  byBlocks = walks("2M blocks", BLOCK);
  faults();
}

const PAGES = SIZE / PAGE_SIZE;
const BLOCKS = SIZE / BLOCK;
console.log(`1 GiB of guest memory; CPU time, median of ${ROUNDS} rounds, Node ${process.version}`);
console.table(
  Object.fromEntries(
    [...seconds].map(([what, all]) => {
      const count = what.includes("block") ? BLOCKS : PAGES;
      const each =
        median(all) / (what.endsWith("2M blocks") && !what.startsWith("guest") ? MORE * count : count);
      return [
        what,
        {
          "per second": Math.round(1 / each).toLocaleString("en"),
          "us each": (each * 1e6).toFixed(3),
          "ms for 1 GiB": (each * count * 1e3).toFixed(1),
        },
      ];
    }),
  ),
);
const perPage = ({ tables: count }: { tables: number }, pages: number) =>
  ((count * PAGE_SIZE) / pages).toFixed(3);
console.log(
  `bytes of tables per mapped page of 4K: ${perPage(byPages, PAGES)} by pages, ${perPage(byBlocks, MORE * PAGES)} by blocks`,
);
if (globalThis.gc !== undefined) {
  console.log(`bytes of the process per mapped 4K page: ${(byPages.bytes / PAGES).toFixed(2)}`);
}
