// Memslots: lookup by guest and by user address, and the cost of a change, against their number.
import { Store } from "@kvmm/interleave";
import {
  handleHvaRange,
  type Kvm,
  KvmModule,
  referenceArchitecture,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import { Host, isRefusal, PAGE_SIZE, type Task } from "@kvmm/mm-core";

/** From one memslot to as many as x86 has. */
const COUNTS = [1, 8, 64, 512, 4096, 32_764];
const LOOKUPS = 200_000;
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

/** CPU nanoseconds of each of `times` pieces of work, after `before` of them that are not counted. */
function each(times: number, before: number, work: (index: number) => void): number {
  for (let index = 0; index < before; index++) work(index);
  const begun = process.cpuUsage();
  for (let index = 0; index < times; index++) work(index);
  const { user, system } = process.cpuUsage(begun);
  return ((user + system) * 1000) / times;
}

/** Indices all over the place, the same in every run. */
function scattered(index: number, below: number): number {
  return (Math.imul(index + 1, 0x9e3779b1) >>> 0) % below;
}

function measure(slots: number) {
  const { kvm, vmm } = machine(slots);
  // A set that is asked more often than changed becomes an array (interleave's Ordered): what is measured is after that.
  const settled = 2000 + 2 * slots;
  const idx = kvm.srcu.readLock();
  const byGfn = each(LOOKUPS, settled, (index) => {
    kvm.gfnToMemslot(scattered(index, slots * STRIDE));
  });
  const byHva = each(LOOKUPS, settled, (index) => {
    const start = RAM + scattered(index, slots * STRIDE) * PAGE_SIZE;
    kvm.memslots().hvaTree.first(start, start + PAGE_SIZE);
  });
  kvm.srcu.readUnlock(idx);
  const notifier = each(LOOKUPS / 10, 2000, (index) => {
    const start = RAM + scattered(index, slots * STRIDE) * PAGE_SIZE;
    const range = { start, end: start + PAGE_SIZE, walk: "age", handler: () => false, onLock: null } as const;
    handleHvaRange(kvm, { ...range, flushOnRet: false, mayBlock: false, lockless: true });
  });
  const change = each(CHANGES, 200, (index) => {
    const slot = scattered(index, slots);
    must(setMemoryRegion2(kvm, vmm, { ...regionOf(slot), memorySize: 0 }));
    must(setMemoryRegion2(kvm, vmm, regionOf(slot)));
  });
  return { byGfn, byHva, notifier, change };
}

type Row = ReturnType<typeof measure>;
const WHAT = {
  byGfn: "lookup by gfn",
  byHva: "lookup by user address",
  notifier: "kvm_handle_hva_range over a page",
  change: "delete and create again",
} as const satisfies Record<keyof Row, string>;

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

function rowsOf(slots: number): Row {
  const rounds = Array.from({ length: ROUNDS }, () => measure(slots));
  const of = (key: keyof Row) => median(rounds.map((round) => round[key]));
  return { byGfn: of("byGfn"), byHva: of("byHva"), notifier: of("notifier"), change: of("change") };
}

measure(512);
const curves = COUNTS.map((slots) => ({ slots, ...rowsOf(slots) }));
console.log(
  `memslots of ${NPAGES} pages, scattered accesses; CPU ns each, median of ${ROUNDS} rounds, Node ${process.version}`,
);
console.table(
  Object.fromEntries(
    Object.entries(WHAT).map(([key, what]) => [
      what,
      Object.fromEntries(curves.map((row) => [`${row.slots}`, Math.round(row[key as keyof Row])])),
    ]),
  ),
);
const [last, before] = [curves.at(-1)!, curves.at(-2)!];
const doublings = Math.log2(last.slots / before.slots);
for (const key of ["byGfn", "byHva"] as const) {
  const growth = (last[key] - before[key]) / doublings;
  console.log(
    `${WHAT[key]}: ${growth.toFixed(0)} ns more for each doubling from ${before.slots} to ${last.slots} memslots`,
  );
}
