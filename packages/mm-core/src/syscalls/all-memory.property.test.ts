import fc from "fast-check";
import { expect, test } from "vitest";
import { type Hva, PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { lruGenAge } from "../ageing/lru-gen.js";
import { isRefusal } from "../errno.js";
import { hostAccess } from "../host-access.js";
import { ksmRun } from "../ksm/scan.js";
import { NotModelled } from "../not-modelled.js";
import { taskNumaWork } from "../numa/scan.js";
import { MpolMf } from "../queue-pages.js";
import { FallocFlag } from "../shmem.js";
import type { Task } from "../task.js";
import { Machine, ok } from "../testing/machine.js";
import { disagreement } from "../testing/mapped-frames.js";
import { pagesOf, Shadow } from "../testing/shadow.js";
import { splitHugePagesAll } from "../thp/split-all.js";
import { UffdFeature } from "../userfaultfd/context.js";
import { clearRefs } from "./clear-refs.js";
import { fallocate, ftruncate, memfdCreate } from "./files.js";
import { exit, fork } from "./fork.js";
import { Madv, madvise } from "./madvise.js";
import { mbind } from "./mempolicy.js";
import { movePages } from "./migrate.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { mprotect } from "./mprotect.js";
import { MremapFlag, mremap } from "./mremap.js";
import { compactMemory } from "./reclaim.js";
import {
  UffdRegister,
  UffdWriteprotect,
  uffdioApi,
  uffdioRegister,
  uffdioWriteprotect,
  userfaultfd,
} from "./userfaultfd.js";

/** Kinds of memory, each at its place, with the pages of it that are looked at and the unit that calls act on. */
const REGIONS = {
  anon: { start: 0x2000_0000_0000, pages: 12, unit: 1 },
  thp: { start: 0x2040_0000_0000, pages: 1024, unit: 64 },
  hugetlb: { start: 0x2080_0000_0000, pages: 1024, unit: 512 },
  shared: { start: 0x20c0_0000_0000, pages: 8, unit: 1 },
  twin: { start: 0x2100_0000_0000, pages: 8, unit: 1 },
  private: { start: 0x2140_0000_0000, pages: 8, unit: 1 },
} as const;

type Region = keyof typeof REGIONS;
const names = Object.keys(REGIONS) as Region[];

/** How many different pages of each are touched: a huge region in strides. */
const SPOTS = 8;

const addressOf = (region: Region, spot: number): Hva => {
  const { start, pages } = REGIONS[region];
  return start + Math.floor((spot % SPOTS) * (pages / SPOTS)) * PAGE_SIZE;
};

/** What touches contents, and what must not. */
const CONTENTS = [
  "write",
  "write",
  "write",
  "read",
  "read",
  "child write",
  "dontneed",
  "punch",
  "remap",
] as const;
const NEUTRAL = [
  "fork",
  "exit",
  "pageout",
  "cold",
  "age",
  "move",
  "bind",
  "numa",
  "compact",
  "collapse",
  "split",
  "merge",
  "unmerge",
  "protect",
  "hide",
  "write-protect",
  "unprotect",
  "clear_refs",
] as const;

interface Step {
  readonly kind: (typeof CONTENTS)[number] | (typeof NEUTRAL)[number];
  readonly region: Region;
  readonly spot: number;
  readonly spots: number;
  readonly value: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...CONTENTS, ...NEUTRAL),
  region: fc.constantFrom(...names),
  spot: fc.nat(SPOTS - 1),
  spots: fc.integer({ min: 1, max: 3 }),
  value: fc.integer({ min: 1, max: 3 }),
});

const sequence = fc.array(step, { minLength: 15, maxLength: 40, size: "max" });

/** What each spot of each region should read as, for one process. A spot of the private mapping that is not there is the file's. */
type Contents = Map<string, number>;
const key = (region: Region, spot: number) => `${region === "twin" ? "shared" : region} ${spot}`;

/** A process with memory of each kind, a child of it now and then, and what both should read. */
class World {
  readonly m = new Machine({ nodeSize: 2 ** 27, hugetlb2M: 6 });
  readonly used = this.m.used;
  readonly fd: number;
  readonly uffd: number;
  readonly own: Contents = new Map();
  /** Of the file: the same for all. */
  readonly file: Contents = new Map();
  readonly shadow: Shadow;
  child: { readonly task: Task; readonly own: Contents } | null = null;

  constructor(deafTo: string | null) {
    const { task } = this.m;
    const at = (region: Region, flags: number, fd = -1) => {
      const { start, pages } = REGIONS[region];
      const length = pages * PAGE_SIZE;
      const args = { addr: start, length, prot: Prot.read | Prot.write, fd, offset: 0 };
      ok(mmap(task, { ...args, flags: flags | MapFlag.fixed }));
    };
    const anonymous = MapFlag.private | MapFlag.anonymous;
    at("anon", anonymous);
    at("thp", anonymous);
    ok(madvise(task, REGIONS.thp.start, 2 * PMD_SIZE, Madv.hugepage));
    at("hugetlb", anonymous | MapFlag.hugetlb);
    this.fd = ok(memfdCreate(task, 0));
    ok(ftruncate(task, this.fd, REGIONS.shared.pages * PAGE_SIZE));
    at("shared", MapFlag.shared, this.fd);
    at("twin", MapFlag.shared, this.fd);
    at("private", MapFlag.private, this.fd);
    this.uffd = ok(userfaultfd(task, 0));
    ok(uffdioApi(task, this.uffd, UffdFeature.wpAsync));
    const { start, pages } = REGIONS.anon;
    ok(uffdioRegister(task, this.uffd, start, pages * PAGE_SIZE, UffdRegister.wp));
    // Of huge pages some: those that are touched, and between them.
    const watched = names.flatMap((name) => {
      const { start, pages } = REGIONS[name];
      return pagesOf(start, pages, pages > 512 ? 32 : 1);
    });
    this.shadow = new Shadow(task.mm, watched, deafTo);
    task.mm.notifiers.set([this.shadow]);
  }

  expected(own: Contents, region: Region, spot: number): number {
    const name = key(region, spot);
    if (region === "shared" || region === "twin") return this.file.get(name) ?? 0;
    return own.get(name) ?? (region === "private" ? (this.file.get(key("shared", spot)) ?? 0) : 0);
  }

  write(task: Task, own: Contents, region: Region, spot: number, value: number): void {
    expect(hostAccess(task, addressOf(region, spot), value)).toEqual({ value });
    (region === "shared" || region === "twin" ? this.file : own).set(key(region, spot), value);
  }

  read(task: Task, own: Contents, region: Region, spot: number): void {
    const value = this.expected(own, region, spot);
    expect(hostAccess(task, addressOf(region, spot)), `${region} ${spot}`).toEqual({ value });
  }

  readAll(): void {
    for (const region of names) {
      for (let spot = 0; spot < SPOTS; spot++) {
        this.read(this.m.task, this.own, region, spot);
        if (this.child !== null) this.read(this.child.task, this.child.own, region, spot);
      }
    }
  }

  end(): void {
    if (this.child !== null) exit(this.child.task);
    exit(this.m.task);
    this.m.host.lru.drain();
  }
}

/** Spots from one on, as a range of whole units of the region. */
function rangeOf({ region, spot, spots }: Step): { start: Hva; length: number; hit: readonly number[] } {
  const { start, pages, unit } = REGIONS[region];
  const from = addressOf(region, spot) - start;
  const first = from - (from % (unit * PAGE_SIZE));
  const last = Math.min(spot + spots - 1, SPOTS - 1);
  const size = unit * PAGE_SIZE;
  const end = Math.min(
    pages * PAGE_SIZE,
    Math.ceil((addressOf(region, last) - start + PAGE_SIZE) / size) * size,
  );
  const within = (at: number) => {
    const offset = addressOf(region, at) - start;
    return offset >= first && offset < end;
  };
  const hit = Array.from({ length: SPOTS }, (_, at) => at).filter(within);
  return { start: start + first, length: end - first, hit };
}

function apply(w: World, each: Step): void {
  const { kind, region, spot, value } = each;
  const { task, host } = w.m;
  const { start, length, hit } = rangeOf(each);
  switch (kind) {
    case "write":
      for (const at of hit) w.write(task, w.own, region, at, value);
      return;
    case "read":
      w.read(task, w.own, region, spot);
      return;
    case "child write":
      // The huge pages of a child come from nowhere once the pool is empty: it is killed then.
      if (w.child !== null && region !== "hugetlb")
        w.write(w.child.task, w.child.own, region, spot, 10 + value);
      return;
    case "dontneed":
      ok(madvise(task, start, length, Madv.dontneed));
      if (region !== "shared" && region !== "twin") for (const at of hit) w.own.delete(key(region, at));
      return;
    case "punch":
      ok(
        fallocate(
          task,
          w.fd,
          FallocFlag.keepSize | FallocFlag.punchHole,
          (spot % REGIONS.shared.pages) * PAGE_SIZE,
          PAGE_SIZE,
        ),
      );
      w.file.delete(key("shared", spot));
      return;
    case "remap": {
      // There and back: through page tables of its own.
      const away = 0x2200_0000_0000;
      const flags = MremapFlag.mayMove | MremapFlag.fixed;
      const args = { oldSize: length, newSize: length, flags };
      // Several mappings move together only where none has a userfaultfd.
      if (isRefusal(mremap(task, { ...args, oldAddress: start, newAddress: away }))) return;
      ok(mremap(task, { ...args, oldAddress: away, newAddress: start }));
      return;
    }
    case "fork":
      w.child ??= { task: fork(task), own: new Map(w.own) };
      return;
    case "exit":
      if (w.child !== null) exit(w.child.task);
      w.child = null;
      return;
    case "pageout":
      if (region !== "thp") madvise(task, start, length, Madv.pageout);
      return;
    case "cold":
      madvise(task, start, length, Madv.cold);
      return;
    case "age":
      lruGenAge(task.mm, value % 2);
      return;
    case "move":
      movePages(task, addressOf(region, spot), 1, PAGE_SIZE, value % 2, MpolMf.moveAll);
      return;
    case "bind":
      mbind(task, start, length, "MPOL_BIND", 0, [value % 2], MpolMf.move);
      mbind(task, start, length, "MPOL_DEFAULT", 0, [], 0);
      return;
    case "numa":
      task.cpu.set(value % 2);
      taskNumaWork(task, 1);
      return;
    case "compact":
      compactMemory(task);
      return;
    case "collapse":
      madvise(task, REGIONS.thp.start, 2 * PMD_SIZE, Madv.collapse);
      return;
    case "split":
      splitHugePagesAll(host);
      return;
    case "merge":
      madvise(task, REGIONS.anon.start, REGIONS.anon.pages * PAGE_SIZE, Madv.mergeable);
      ksmRun(host, 2);
      return;
    case "unmerge":
      madvise(task, start, length, Madv.unmergeable);
      return;
    case "protect":
    case "hide":
      ok(mprotect(task, start, length, kind === "protect" ? Prot.read : 0));
      ok(mprotect(task, start, length, Prot.read | Prot.write));
      return;
    case "write-protect":
    case "unprotect":
      if (region !== "anon") return;
      uffdioWriteprotect(task, w.uffd, start, length, kind === "write-protect" ? UffdWriteprotect.wp : 0);
      return;
    case "clear_refs":
      clearRefs(task, 4);
      return;
  }
}

const untold = ({ shadow }: World) => {
  shadow.check("after the call");
  return { untold: shadow.untold[0], open: shadow.open };
};

/** The invariants after each step; the contents after each that must not touch them, and at the end. */
function run(steps: readonly Step[], deafTo: string | null = null): "done" | "not modelled" {
  const w = new World(deafTo);
  const { host, store, task } = w.m;
  for (const [at, each] of steps.entries()) {
    try {
      apply(w, each);
    } catch (error) {
      if (error instanceof NotModelled) return "not modelled";
      throw error;
    }
    const mms = w.child === null ? [task.mm] : [task.mm, w.child.task.mm];
    expect(disagreement(host, mms), each.kind).toBeUndefined();
    expect(untold(w), each.kind).toEqual({ untold: undefined, open: 0 });
    expect(store.held.of(store.tid)).toEqual([]);
    if (at % 4 === 3) {
      w.read(task, w.own, each.region, each.spot);
      expect(untold(w)).toEqual({ untold: undefined, open: 0 });
    }
  }
  // In every other run what was paged out stays so until the exit.
  if (steps.length % 2 === 0) w.readAll();
  w.end();
  expect(untold(w), "exit").toEqual({ untold: undefined, open: 0 });
  // The huge page of zeros stays, once it was made.
  const zeros = host.hugeZeroFolio.peek() === 0 ? 0 : 512;
  expect([w.m.used - zeros, host.swap.used()]).toEqual([w.used, 0]);
  return "done";
}

test("any calls on all kinds of memory: counts, reverse mapping and notifiers agree, and contents stay", () => {
  const outcomes = { done: 0, "not modelled": 0 };
  fc.assert(
    fc.property(sequence, (steps) => {
      outcomes[run(steps)]++;
    }),
    { numRuns: 100 },
  );
  expect(outcomes.done).toBeGreaterThan(9 * outcomes["not modelled"]);
}, 120_000);

test.each([
  "__split_huge_pmd",
  "change_pud_range",
  "collapse_huge_page",
  "copy_hugetlb_page_range",
  "copy_page_range",
  "do_huge_zero_wp_pmd",
  "hugetlb_change_protection",
  "hugetlb_wp",
  "move_hugetlb_page_tables",
  "move_page_tables",
  "replace_page",
  "try_to_migrate_one",
  "try_to_unmap_one",
  "unmap_vmas",
  "wp_page_copy",
  "write_protect_page",
  "zap_vma_range_batched",
])(
  "if %s raised no notifier, it would be noticed",
  (site) => {
    const property = fc.property(sequence, (steps) => {
      run(steps, site);
    });
    const { failed, counterexample } = fc.check(property, { numRuns: 200, endOnFailure: true, seed: 1 });
    expect(failed).toBe(true);
    // And nothing else is wrong with it.
    expect(run(counterexample![0])).toBe("done");
  },
  120_000,
);
