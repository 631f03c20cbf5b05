import fc from "fast-check";
import { expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { isRefusal } from "../errno.js";
import { hostAccess } from "../host-access.js";
import { ksmRun } from "../ksm/scan.js";
import { MpolMf } from "../queue-pages.js";
import type { Task } from "../task.js";
import { Machine, ok, untold } from "../testing/machine.js";
import { Audit } from "../testing/world/audit.js";
import { exit, fork } from "./fork.js";
import { Madv, madvise } from "./madvise.js";
import { mbind } from "./mempolicy.js";
import { movePages } from "./migrate.js";
import { mlock, munlock } from "./mlock.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { mprotect } from "./mprotect.js";
import { MremapFlag, mremap } from "./mremap.js";
import { munmap } from "./munmap.js";

const RAM = 0x2000_0000_0000;
const PAGES = 24;

/** What a page should be: absent from the map where nothing is mapped. */
interface Page {
  /** What a read gives; after MADV_FREE 0 is right as well. */
  readonly value: number;
  readonly mayBeZero: boolean;
  readonly prot: number;
  readonly guard: boolean;
  readonly locked: boolean;
}

type Model = Map<number, Page>;

const FRESH: Page = { value: 0, mayBeZero: false, prot: Prot.read | Prot.write, guard: false, locked: false };

/** One random call: done on the machine and on the model. */
interface Step {
  readonly kind: (typeof KINDS)[number];
  readonly page: number;
  readonly count: number;
  readonly to: number;
  readonly value: number;
}

const KINDS = [
  "write",
  "write",
  "read",
  "mmap",
  "munmap",
  "protect",
  "unprotect",
  "dontneed",
  "free",
  "cold",
  "pageout",
  "willneed",
  "guard",
  "unguard",
  "populate",
  "mlock",
  "munlock",
  "move",
  "remap",
  "dontunmap",
  "bind",
  "merge",
  "unmerge",
  "fork-write",
] as const;

const step = fc.record({
  kind: fc.constantFrom(...KINDS),
  page: fc.nat(PAGES - 1),
  count: fc.integer({ min: 1, max: 8 }),
  to: fc.nat(PAGES - 1),
  value: fc.integer({ min: 1, max: 3 }),
});

function touch(m: Machine, model: Model, page: number, value?: number, task: Task = m.task): void {
  const done = hostAccess(task, RAM + page * PAGE_SIZE, value);
  const expected = model.get(page);
  const needed = value === undefined ? Prot.read : Prot.write;
  if (expected === undefined || expected.guard || (expected.prot & needed) === 0) {
    must("signal" in done && done.signal === "SIGSEGV", () => `page ${page} gives ${JSON.stringify(done)}`);
    return;
  }
  const got = "value" in done ? done.value : Number.NaN;
  const isRight =
    got === (value ?? expected.value) || (value === undefined && got === 0 && expected.mayBeZero);
  must(isRight, () => `page ${page} gives ${JSON.stringify(done)}, not ${value ?? expected.value}`);
  const mayBeZero = value === undefined && expected.mayBeZero && got !== 0;
  model.set(page, { ...expected, value: got, mayBeZero });
}

/** An expectation that costs nothing where it holds: of what is checked after every call. */
function must(holds: boolean, text: () => string): void {
  if (!holds) throw new Error(text());
}

/** Changes what of a range is mapped, if the call went through. */
function change(model: Model, first: number, count: number, to: (page: Page) => Page | null): void {
  for (let page = first; page < first + count; page++) {
    const old = model.get(page);
    const now = old === undefined ? null : to(old);
    if (now === null) model.delete(page);
    else model.set(page, now);
  }
}

function isMapped(model: Model, first: number, count: number): boolean {
  return Array.from({ length: count }, (_, at) => model.has(first + at)).every(Boolean);
}

function apply(m: Machine, model: Model, { kind, page, count: wanted, to, value }: Step): void {
  const { task } = m;
  const count = Math.min(wanted, PAGES - page);
  const addr = RAM + page * PAGE_SIZE;
  const length = count * PAGE_SIZE;
  const locked = Array.from({ length: count }, (_, at) => model.get(page + at)?.locked === true);
  switch (kind) {
    case "write":
      touch(m, model, page, value);
      return;
    case "read":
      touch(m, model, page);
      return;
    case "mmap":
      m.mapAnon(addr, length);
      for (let at = page; at < page + count; at++) model.set(at, FRESH);
      return;
    case "munmap":
      ok(munmap(task, addr, length));
      change(model, page, count, () => null);
      return;
    case "protect":
    case "unprotect": {
      const prot = kind === "protect" ? (value === 1 ? 0 : Prot.read) : Prot.read | Prot.write;
      // What comes before a hole is changed all the same.
      const reach = Array.from({ length: count }, (_, at) => model.has(page + at)).indexOf(false);
      must(isRefusal(mprotect(task, addr, length, prot)) === reach >= 0, () => "mprotect");
      change(model, page, reach < 0 ? count : reach, (old) => ({ ...old, prot }));
      return;
    }
    case "dontneed":
    case "free":
    case "guard":
    case "pageout": {
      // The walk ends at a locked mapping; before it everything is done.
      const advice = {
        dontneed: Madv.dontneed,
        free: Madv.free,
        guard: Madv.guardInstall,
        pageout: Madv.pageout,
      }[kind];
      const stop = locked.indexOf(true);
      const result = madvise(task, addr, length, advice);
      must(isRefusal(result) === (stop >= 0 || !isMapped(model, page, count)), () => `${kind}: ${result}`);
      change(model, page, stop < 0 ? count : stop, (old) => {
        if (kind === "pageout") return old;
        if (kind === "free") return { ...old, mayBeZero: true };
        return {
          ...old,
          value: old.guard ? old.value : 0,
          mayBeZero: false,
          guard: kind === "guard" || old.guard,
        };
      });
      return;
    }
    case "cold":
      madvise(task, addr, length, Madv.cold);
      return;
    case "willneed":
      madvise(task, addr, length, Madv.willneed);
      return;
    case "unguard":
      madvise(task, addr, length, Madv.guardRemove);
      change(model, page, count, (old) => ({ ...old, guard: false, value: old.guard ? 0 : old.value }));
      return;
    case "populate":
      madvise(task, addr, length, value === 1 ? Madv.populateWrite : Madv.populateRead);
      return;
    case "mlock":
    case "munlock": {
      const reach = Array.from({ length: count }, (_, at) => model.has(page + at)).indexOf(false);
      if (kind === "mlock") mlock(task, addr, length);
      else munlock(task, addr, length);
      change(model, page, reach < 0 ? count : reach, (old) => ({ ...old, locked: kind === "mlock" }));
      return;
    }
    case "move":
      movePages(task, addr, count, PAGE_SIZE, value % 2, MpolMf.move);
      return;
    case "bind":
      mbind(
        task,
        addr,
        length,
        value === 3 ? "MPOL_DEFAULT" : "MPOL_BIND",
        0,
        value === 3 ? [] : [value % 2],
        MpolMf.move,
      );
      return;
    case "remap":
    case "dontunmap": {
      if (to + count > PAGES || !isMapped(model, page, count)) return;
      const flags = MremapFlag.mayMove | MremapFlag.fixed | (kind === "dontunmap" ? MremapFlag.dontUnmap : 0);
      const args = {
        oldAddress: addr,
        oldSize: length,
        newSize: length,
        flags,
        newAddress: RAM + to * PAGE_SIZE,
      };
      if (isRefusal(mremap(task, args))) return;
      const moved = Array.from({ length: count }, (_, at) => model.get(page + at)!);
      change(model, page, count, (old) =>
        kind === "remap" ? null : { ...old, value: 0, mayBeZero: false, guard: false, locked: false },
      );
      for (const [at, old] of moved.entries()) model.set(to + at, old);
      return;
    }
    case "merge":
      madvise(task, addr, length, Madv.mergeable);
      ksmRun(m.host, 2);
      return;
    case "unmerge":
      madvise(task, addr, length, Madv.unmergeable);
      return;
    case "fork-write": {
      // The child sees what the parent had, and neither sees what the other writes afterwards.
      const child = fork(task);
      const theirs: Model = new Map([...model].map(([at, old]) => [at, { ...old, locked: false }]));
      touch(m, theirs, page, 100 + value, child);
      touch(m, theirs, to, undefined, child);
      touch(m, model, page, value);
      touch(m, theirs, page, undefined, child);
      exit(child);
      return;
    }
  }
}

test("any calls in any order: reads give what was written, and no page is lost without a notifier", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const m = new Machine();
      const used = m.used;
      const model: Model = new Map();
      m.mapAnon(RAM, PAGES * PAGE_SIZE);
      for (let page = 0; page < PAGES; page++) model.set(page, FRESH);
      const audit = new Audit(
        m.host,
        Array.from({ length: PAGES }, (_, page) => RAM + page * PAGE_SIZE),
      );
      audit.listen(m.task.mm);
      for (const each of steps) {
        apply(m, model, each);
        const wrong = audit.afterCall();
        must(wrong === undefined, () => `${each.kind}: ${wrong}`);
      }
      for (let page = 0; page < PAGES; page++) touch(m, model, page);
      exit(m.task);
      m.host.lru.drain();
      expect([m.used, m.host.swap.used()]).toEqual([used, 0]);
    }),
    { numRuns: 1000 },
  );
}, 120_000);

test("any calls on two mappings of one file: both always read the same", () => {
  const kinds = fc.constantFrom(
    "write",
    "read",
    "dontneed",
    "pageout",
    "remove",
    "move",
    "protect",
    "fork",
  ) as fc.Arbitrary<string>;
  const call = fc.record({
    kind: kinds,
    page: fc.nat(7),
    other: fc.boolean(),
    value: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 30 }), (calls) => {
      const m = new Machine();
      const used = m.used;
      const shared = { length: 8 * PAGE_SIZE, prot: Prot.read | Prot.write, fd: -1, offset: 0 };
      mmap(m.task, { ...shared, addr: RAM, flags: MapFlag.shared | MapFlag.anonymous | MapFlag.fixed });
      const twin = RAM + 64 * PAGE_SIZE;
      const dup = {
        oldAddress: RAM,
        oldSize: 0,
        newSize: 8 * PAGE_SIZE,
        flags: MremapFlag.mayMove | MremapFlag.fixed,
        newAddress: twin,
      };
      expect(mremap(m.task, dup)).toBe(twin);
      const words = new Array<number>(8).fill(0);
      for (const { kind, page, other, value } of calls) {
        const addr = (other ? twin : RAM) + page * PAGE_SIZE;
        const before = m.accesses(RAM, 8);
        m.notifier.take();
        if (kind === "write" || kind === "fork") words[page] = value;
        if (kind === "write") hostAccess(m.task, addr, value);
        else if (kind === "dontneed") madvise(m.task, addr, PAGE_SIZE, Madv.dontneed);
        else if (kind === "pageout") madvise(m.task, addr, PAGE_SIZE, Madv.pageout);
        else if (kind === "move") movePages(m.task, addr, 1, PAGE_SIZE, value % 2, MpolMf.moveAll);
        else if (kind === "remove") {
          madvise(m.task, addr, PAGE_SIZE, Madv.remove);
          words[page] = 0;
        } else if (kind === "protect") {
          mprotect(m.task, addr, PAGE_SIZE, Prot.read);
          mprotect(m.task, addr, PAGE_SIZE, Prot.read | Prot.write);
        } else if (kind === "fork") {
          const child = fork(m.task);
          hostAccess(child, addr, value);
          exit(child);
        }
        expect(untold(before, m.accesses(RAM, 8), RAM, m.notifier.take())).toBeUndefined();
        expect(hostAccess(m.task, RAM + page * PAGE_SIZE)).toEqual({ value: words[page] });
        expect(hostAccess(m.task, twin + page * PAGE_SIZE)).toEqual({ value: words[page] });
      }
      exit(m.task);
      m.host.lru.drain();
      expect(m.used).toBe(used);
      expect(m.host.swap.used()).toBe(0);
    }),
    { numRuns: 80 },
  );
}, 60_000);
