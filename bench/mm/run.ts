// The host's memory: a million anonymous pages touched, aged, write-protected and unmapped, beside a loop over bare
// typed arrays and a toy that keeps a Map; a mapping of 1 TiB; and VMAs against their number.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Store } from "@kvmm/interleave";
import {
  Host,
  hostAccess,
  isRefusal,
  lruGenAge,
  MapFlag,
  mmap,
  mprotect,
  munmap,
  Prot,
  type Task,
} from "@kvmm/mm-core";

const PAGE = 4096;
const RAM = 0x2000_0000_0000;
const RW = Prot.read | Prot.write;
const PAGES = 1 << 20;
const ROUNDS = 3;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Buffers go only with the second collection. */
function bytesInUse(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function must<T>(result: T): Exclude<T, { errno: string }> {
  if (isRefusal(result)) throw new Error(result.toString());
  return result as Exclude<T, { errno: string }>;
}

function vmm(gigabytes: number): Task {
  return new Host(new Store(), { nodes: 1, nodeSize: gigabytes * 2 ** 30 }).spawn("vmm");
}

function map(task: Task, addr: number, length: number): void {
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  must(mmap(task, { addr, length, prot: RW, flags, fd: -1, offset: 0 }));
}

/** CPU nanoseconds of some work, for each of `units`. */
function ns(units: number, work: () => void): number {
  const begun = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begun);
  return ((user + system) * 1000) / units;
}

/** What is done to a million pages; each is timed on its own. */
interface Pages {
  readonly touch: () => void;
  readonly age: () => void;
  readonly protect: () => void;
  readonly unmap: () => void;
}

function model(): Pages {
  const task = vmm(6);
  map(task, RAM, PAGES * PAGE);
  return {
    touch: () => {
      for (let page = 0; page < PAGES; page++) hostAccess(task, RAM + page * PAGE, page);
    },
    age: () => lruGenAge(task.mm, 0),
    protect: () => must(mprotect(task, RAM, PAGES * PAGE, Prot.read)),
    unmap: () => must(munmap(task, RAM, PAGES * PAGE)),
  };
}

/** The bound: what the entries, counts and contents alone would cost, with nothing decided and nobody told. */
function typedArrays(): Pages {
  const pte = new Float64Array(PAGES);
  const refs = new Int32Array(PAGES);
  const maps = new Int32Array(PAGES);
  const words = new Float64Array(PAGES);
  return {
    touch: () => {
      for (let page = 0; page < PAGES; page++) {
        pte[page] = page * 0x10_0000 + 0xf;
        refs[page] = 1;
        maps[page] = 1;
        words[page] = page;
      }
    },
    age: () => {
      for (let page = 0; page < PAGES; page++) if ((pte[page]! & 8) !== 0) pte[page]! -= 8;
    },
    protect: () => {
      for (let page = 0; page < PAGES; page++) if ((pte[page]! & 2) !== 0) pte[page]! -= 2;
    },
    unmap: () => {
      for (let page = 0; page < PAGES; page++) {
        pte[page] = 0;
        maps[page]!--;
        refs[page]!--;
        words[page] = 0;
      }
    },
  };
}

/** A toy as one would write it in an afternoon: an object for each page, in a Map. */
function toy(): Pages {
  const pages = new Map<number, { word: number; young: boolean; write: boolean }>();
  return {
    touch: () => {
      for (let page = 0; page < PAGES; page++) pages.set(page, { word: page, young: true, write: true });
    },
    age: () => {
      for (const page of pages.values()) page.young = false;
    },
    protect: () => {
      for (const page of pages.values()) page.write = false;
    },
    unmap: () => pages.clear(),
  };
}

function onMillion(make: () => Pages) {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = bytesInUse();
    const pages = make();
    const touch = ns(PAGES, pages.touch);
    const bytes = (bytesInUse() - before) / PAGES;
    return {
      touch,
      age: ns(PAGES, pages.age),
      protect: ns(PAGES, pages.protect),
      unmap: ns(PAGES, pages.unmap),
      bytes,
    };
  });
  const best = (of: (round: (typeof rounds)[number]) => number) => Math.round(Math.min(...rounds.map(of)));
  return {
    "touch, ns a page": best(({ touch }) => touch),
    "age, ns a page": best(({ age }) => age),
    "write-protect, ns a page": best(({ protect }) => protect),
    "unmap, ns a page": best(({ unmap }) => unmap),
    // What an earlier round leaves behind can only make it less.
    "bytes a page": Math.round(Math.max(...rounds.map(({ bytes }) => bytes))),
  };
}

/** A mapping of 1 TiB of which little is touched. */
function terabyte() {
  const task = vmm(1);
  const touched = 1000;
  const stride = Math.floor(2 ** 40 / touched / PAGE) * PAGE;
  map(task, RAM, 2 ** 40);
  const untouched = ns(1, () => must(munmap(task, RAM, 2 ** 40)));
  const before = bytesInUse();
  const mapping = ns(1, () => map(task, RAM, 2 ** 40));
  const touching = ns(touched, () => {
    for (let at = 0; at < touched; at++) hostAccess(task, RAM + at * stride, at);
  });
  const bytes = (bytesInUse() - before) / touched;
  const protecting = ns(1, () => must(mprotect(task, RAM, 2 ** 40, Prot.read)));
  const unmapping = ns(1, () => must(munmap(task, RAM, 2 ** 40)));
  return {
    "pages touched": touched,
    "mmap, us": Math.round(mapping / 1000),
    "touch, us a page": Math.round(touching / 1000),
    "mprotect of all, us": Math.round(protecting / 1000),
    "munmap, us": Math.round(unmapping / 1000),
    "munmap where nothing was touched, us": Math.round(untouched / 1000),
    "bytes a touched page": Math.round(bytes),
  };
}

/** CPU nanoseconds of what is done to one of so many VMAs: alternately protected, so that none merge. */
function vmas(count: number) {
  const task = vmm(1);
  const at = (index: number) => RAM + index * 8 * PAGE;
  for (let index = 0; index < count; index++) map(task, at(index), 4 * PAGE);
  const times = 4096;
  const pick = (step: number) => (step * 7919) % count;
  const each = (work: (address: number) => void) => {
    const run = () => {
      for (let step = 0; step < times; step++) work(at(pick(step)));
    };
    run();
    return Math.round(Math.min(...Array.from({ length: ROUNDS }, () => ns(times, run))));
  };
  const { mm } = task;
  const find = (address: number) => {
    mm.mmapLock.readLock();
    mm.vmaAt(address + PAGE);
    mm.mmapLock.readUnlock();
  };
  // A set that is asked more often than changed becomes an array (interleave's Ordered).
  for (let step = 0; step < 2 * count; step++) find(at(pick(step)));
  const lookup = each(find);
  const splitAndMerge = each((address) => {
    must(mprotect(task, address + PAGE, PAGE, Prot.read));
    must(mprotect(task, address + PAGE, PAGE, RW));
  });
  const insertAndRemove = each((address) => {
    map(task, address + 5 * PAGE, PAGE);
    must(munmap(task, address + 5 * PAGE, PAGE));
  });
  return {
    VMAs: count,
    "lookup, ns": lookup,
    "split and merge, ns": splitAndMerge,
    "insert and remove, ns": insertAndRemove,
  };
}

const million = [
  { what: "mm-core", ...onMillion(model) },
  { what: "bound: bare typed arrays", ...onMillion(typedArrays) },
  { what: "peer: a Map of objects", ...onMillion(toy) },
];
console.log(`a million anonymous pages; CPU time, best of ${ROUNDS} rounds, Node ${process.version}`);
console.table(million);
const tebibyte = terabyte();
console.log("a mapping of 1 TiB");
console.table(tebibyte);
vmas(64);
const curve = [1, 1024, 65_536].map(vmas);
console.log("VMAs");
console.table(curve);

const results = new URL("../results/", import.meta.url);
mkdirSync(results, { recursive: true });
const json = {
  unit: `CPU time, best of ${ROUNDS} rounds`,
  tools: { node: process.version, cpu: cpus()[0]?.model ?? "unknown" },
  "a million pages": million,
  "a mapping of 1 TiB": tebibyte,
  "VMAs against their number": curve,
};
writeFileSync(new URL("mm.json", results), `${JSON.stringify(json, null, 2)}\n`);
console.log("results/mm.json has all figures");
