// Memslots: lookup by guest and by user address, and the cost of a change, against their number; beside an array that
// is searched by halves, and an interval tree from npm.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import IntervalTree from "@flatten-js/interval-tree";
import { Store } from "@kvmm/interleave";
import {
  handleHvaRange,
  type Kvm,
  KvmModule,
  referenceArchitecture,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import { Host, isRefusal, PAGE_SIZE, type Task } from "@kvmm/mm-core";
import { changes, ns, sortedArray } from "./measure.js";

/** From one memslot to as many as x86 has. */
const COUNTS = [1, 8, 64, 512, 1024, 2048, 4096, 8192, 16_384, 32_764];
const LOOKUPS = 1 << 17;
const CHANGES = 2000;
const ROUNDS = 5;
const RAM = 0x2000_0000_0000;
/** Pages of a memslot, and from one to the next: gaps, so that a lookup can also miss. */
const NPAGES = 4;
const STRIDE = 16;

function must<T>(result: T): Exclude<T, { errno: string }> {
  if (isRefusal(result)) throw new Error(result.toString());
  return result as Exclude<T, { errno: string }>;
}

interface Machine {
  readonly kvm: Kvm;
  readonly vmm: Task;
}

const regionOf = (slot: number) => ({
  slot,
  guestPhysAddr: slot * STRIDE * PAGE_SIZE,
  memorySize: NPAGES * PAGE_SIZE,
  userspaceAddr: RAM + slot * STRIDE * PAGE_SIZE,
});

function machine(slots: number): Machine {
  const host = new Host(new Store());
  const vmm = host.spawn("vmm");
  const kvm = must(
    new KvmModule(host, { architecture: referenceArchitecture({ arch: "x86" }) }).createVm(vmm),
  );
  for (let slot = 0; slot < slots; slot++) must(setMemoryRegion2(kvm, vmm, regionOf(slot)));
  return { kvm, vmm };
}

function peers(slots: number) {
  const first = (slot: number) => RAM + slot * STRIDE * PAGE_SIZE;
  const array = sortedArray(slots, STRIDE, NPAGES);
  const tree = new IntervalTree<number>();
  for (let slot = 0; slot < slots; slot++)
    tree.insert([first(slot), first(slot) + NPAGES * PAGE_SIZE - 1], slot);
  return { array, tree };
}

/** CPU nanoseconds of each kind of work with so many memslots. */
function measure(slots: number) {
  const { kvm, vmm } = machine(slots);
  const { array, tree } = peers(slots);
  const pages = slots * STRIDE;
  // A set that is asked more often than changed becomes an array (interleave's Ordered).
  const settled = 2000 + 2 * slots;
  const change = (slot: number) => {
    must(setMemoryRegion2(kvm, vmm, { ...regionOf(slot), memorySize: 0 }));
    must(setMemoryRegion2(kvm, vmm, regionOf(slot)));
  };
  const hvaOf = (page: number) => RAM + page * PAGE_SIZE;
  const handler = () => false;

  const idx = kvm.srcu.readLock();
  let page = 0;
  const byGfn = ns(LOOKUPS, settled, pages, (page) => kvm.gfnToMemslot(page));
  const inOrder = ns(LOOKUPS, settled, Number.MAX_SAFE_INTEGER, () => {
    page = page + 1 < pages ? page + 1 : 0;
    return kvm.gfnToMemslot(page);
  });
  const byHva = ns(LOOKUPS, settled, pages, (page) =>
    kvm.memslots().hvaTree.first(hvaOf(page), hvaOf(page + 1)),
  );
  const notifier = ns(LOOKUPS / 8, settled, pages, (page) =>
    handleHvaRange(kvm, {
      start: hvaOf(page),
      end: hvaOf(page + 1),
      walk: "age",
      handler,
      onLock: null,
      flushOnRet: false,
      mayBlock: false,
      lockless: true,
    }),
  );
  kvm.srcu.readUnlock(idx);
  const update = ns(CHANGES, 200, slots, change);
  const afterChange = changes(LOOKUPS / 4, pages, Math.max(63, slots - 1), {
    change: () => change(slots >> 1),
    lookup: (page) => {
      const reader = kvm.srcu.readLock();
      const found = kvm.gfnToMemslot(page);
      kvm.srcu.readUnlock(reader);
      return found;
    },
  });
  const arrayByGfn = ns(LOOKUPS, 2000, pages, (page) => array(page));
  const treeByHva = ns(LOOKUPS / 8, 2000, pages, (page) => tree.search([hvaOf(page), hvaOf(page + 1) - 1]));
  return { byGfn, inOrder, afterChange, byHva, notifier, update, arrayByGfn, treeByHva };
}

type Row = ReturnType<typeof measure>;
const WHAT = {
  byGfn: "lookup by gfn",
  inOrder: "lookup by gfn, one page after the other",
  afterChange: "lookup by gfn right after a change",
  byHva: "lookup by user address",
  notifier: "kvm_handle_hva_range over a page",
  update: "delete and create again",
  arrayByGfn: "peer: sorted array by gfn",
  treeByHva: "peer: @flatten-js/interval-tree by user address",
} as const satisfies Record<keyof Row, string>;
const KEYS = Object.keys(WHAT) as (keyof Row)[];

/** The best of the rounds: whatever else the machine does only adds. Each round goes over all numbers of memslots. */
function best(): readonly Row[] {
  const rounds = Array.from({ length: ROUNDS }, () => COUNTS.map(measure));
  return COUNTS.map((_, at) => {
    const of = (key: keyof Row) => Math.round(Math.min(...rounds.map((round) => round[at]![key])));
    return Object.fromEntries(KEYS.map((key) => [key, of(key)])) as Row;
  });
}

measure(512);
const rows = best().map((row, at) => ({
  slots: COUNTS[at]!,
  // Of a lookup: each halves what is left.
  comparisons: Math.ceil(Math.log2(COUNTS[at]!)) + 1,
  ...row,
}));
console.log(
  `memslots of ${NPAGES} pages, random accesses; CPU ns each, best of ${ROUNDS} rounds, Node ${process.version}`,
);
console.table(
  Object.fromEntries(
    KEYS.map((key) => [WHAT[key], Object.fromEntries(rows.map((row) => [`${row.slots}`, row[key]]))]),
  ),
);

/** Nanoseconds more for each doubling, from one number of memslots to the other. */
function perDoubling(key: keyof Row, from: number, to: number): number {
  const [a, b] = [from, to].map((slots) => rows.find((row) => row.slots === slots)!);
  return Number(((b![key] - a![key]) / Math.log2(to / from)).toFixed(1));
}
const growth = (
  ["byGfn", "inOrder", "byHva", "afterChange", "notifier", "arrayByGfn", "treeByHva"] as const
).map((key) => ({
  what: WHAT[key],
  "1 to 512": perDoubling(key, 1, 512),
  "512 to 4096": perDoubling(key, 512, 4096),
  "4096 to 32764": perDoubling(key, 4096, 32_764),
}));
console.log("CPU ns more for each doubling of the number of memslots:");
console.table(growth);

const results = new URL("../results/", import.meta.url);
mkdirSync(results, { recursive: true });
const curves = rows.map(({ slots, comparisons, ...row }) => ({
  memslots: slots,
  comparisons,
  ...Object.fromEntries(KEYS.map((key) => [WHAT[key], row[key]])),
}));
const tools = {
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  peer: "@flatten-js/interval-tree 2.0.3",
};
const json = { unit: `CPU ns each, best of ${ROUNDS} rounds, random accesses`, tools, curves, growth };
writeFileSync(new URL("slots.json", results), `${JSON.stringify(json, null, 2)}\n`);
console.log("results/slots.json has all figures");
