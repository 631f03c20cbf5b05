import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { leafAt } from "../leaf.js";
import { PageFlag } from "../page-flags.js";
import { ptePfn } from "../pte.js";
import { isMaybeMappedShared } from "../rmap.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { Prot } from "../syscalls/mmap.js";
import { mprotect } from "../syscalls/mprotect.js";
import { MremapFlag, mremap } from "../syscalls/mremap.js";
import { munmap } from "../syscalls/munmap.js";
import { Machine, ok, untold } from "../testing/machine.js";
import { splitFolio } from "./split-folio.js";

const RAM = 0x2000_0000_0000;
const RW = Prot.read | Prot.write;

/** Two huge pages' worth of memory, after MADV_HUGEPAGE. */
function machine(length = 2 * PMD_SIZE): Machine {
  const m = new Machine();
  m.mapAnon(RAM, length);
  madvise(m.task, RAM, length, Madv.hugepage);
  return m;
}

const sites = (m: Machine) => m.notifier.take().map(({ site, start, end }) => [site, start - RAM, end - RAM]);

describe("a fault on memory after MADV_HUGEPAGE", () => {
  test("maps 2 MiB at once, in one folio", () => {
    const m = machine();
    hostAccess(m.task, RAM + 5 * PAGE_SIZE, 7);
    expect(new Set(m.sizes(RAM, PMD_PAGES))).toEqual(new Set([PMD_SIZE]));
    expect(new Set(m.sizes(RAM + PMD_SIZE, PMD_PAGES))).toEqual(new Set([0]));
    const folio = ptePfn(leafAt(m.task.mm, RAM)!.pte);
    const { frames } = m.host;
    expect([
      folio % PMD_PAGES,
      frames.order(folio),
      frames.folio(folio + 511),
      frames.refcount.get(folio),
    ]).toEqual([0, 9, folio, 1]);
    expect(hostAccess(m.task, RAM + 5 * PAGE_SIZE)).toEqual({ value: 7 });
    expect(hostAccess(m.task, RAM + 6 * PAGE_SIZE)).toEqual({ value: 0 });
    expect(sites(m)).toEqual([]);
  });

  test("maps the huge zero page when it reads, and copies it under a notifier when it writes", () => {
    const m = machine();
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
    expect(m.accesses(RAM, 1)).toEqual([{ pfn: m.host.hugeZeroFolio.get(), write: false }]);
    hostAccess(m.task, RAM + PAGE_SIZE, 1);
    expect(sites(m)).toEqual([["do_huge_zero_wp_pmd", 0, PMD_SIZE]]);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
  });

  test("maps small pages where 2 MiB do not fit into the mapping", () => {
    const m = new Machine();
    m.mapAnon(RAM + PAGE_SIZE, PMD_SIZE);
    madvise(m.task, RAM + PAGE_SIZE, PMD_SIZE, Madv.hugepage);
    hostAccess(m.task, RAM + PAGE_SIZE, 1);
    expect(m.sizes(RAM + PAGE_SIZE, 2)).toEqual([PAGE_SIZE, 0]);
  });

  test("maps small pages without MADV_HUGEPAGE, after MADV_NOHUGEPAGE, and where no huge page is free", () => {
    const plain = new Machine();
    plain.mapAnon(RAM, PMD_SIZE);
    hostAccess(plain.task, RAM, 1);
    expect(plain.sizes(RAM, 1)).toEqual([PAGE_SIZE]);
    const never = machine();
    madvise(never.task, RAM, PMD_SIZE, Madv.nohugepage);
    hostAccess(never.task, RAM, 1);
    expect(never.sizes(RAM, 1)).toEqual([PAGE_SIZE]);
    const full = new Machine({ nodes: 1, nodeSize: PMD_SIZE, hugetlb2M: 0 });
    full.mapAnon(RAM, PMD_SIZE);
    madvise(full.task, RAM, PMD_SIZE, Madv.hugepage);
    hostAccess(full.task, RAM, 1);
    expect(full.sizes(RAM, 1)).toEqual([PAGE_SIZE]);
  });

  test("does so for all memory where huge pages are always on", () => {
    const m = new Machine({ transparentHugepage: "always" });
    m.mapAnon(RAM, PMD_SIZE);
    hostAccess(m.task, RAM, 1);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
  });
});

describe("a huge page of which only a part is concerned", () => {
  test("is mapped by small entries, which a notifier over all of it announces", () => {
    const m = machine();
    hostAccess(m.task, RAM, 1);
    const before = m.accesses(RAM, PMD_PAGES);
    munmap(m.task, RAM + 256 * PAGE_SIZE, 4 * PAGE_SIZE);
    expect(sites(m)).toEqual([
      ["__split_huge_pmd", 0, PMD_SIZE],
      // The end of what goes: nothing huge is left to be split, but the kernel does not look.
      ["unmap_vmas", 256 * PAGE_SIZE, 260 * PAGE_SIZE],
    ]);
    const after = m.accesses(RAM, PMD_PAGES);
    expect(after.slice(0, 256)).toEqual(before.slice(0, 256));
    expect(after.slice(256, 260)).toEqual([null, null, null, null]);
    expect(after.slice(260)).toEqual(before.slice(260));
  });

  test("stays one folio until the last entry goes", () => {
    const m = machine(PMD_SIZE);
    const { used } = m;
    hostAccess(m.task, RAM, 1);
    madvise(m.task, RAM, PMD_SIZE - PAGE_SIZE, Madv.dontneed);
    expect(m.used - used).toBe(PMD_PAGES);
    const folio = m.host.frames.folio(ptePfn(leafAt(m.task.mm, RAM + PMD_SIZE - PAGE_SIZE)!.pte));
    expect([m.host.frames.refcount.get(folio), m.host.frames.mapcount.get(folio)]).toEqual([1, 1]);
    munmap(m.task, RAM, PMD_SIZE);
    expect(m.used).toBe(used);
  });

  test("is changed whole by mprotect of all of it", () => {
    const m = machine();
    hostAccess(m.task, RAM, 1);
    mprotect(m.task, RAM, 2 * PMD_SIZE, Prot.read);
    expect(sites(m)).toEqual([["change_pud_range", 0, 2 * PMD_SIZE]]);
    expect([m.sizes(RAM, 1), m.accesses(RAM, 1)[0]!.write]).toEqual([[PMD_SIZE], false]);
  });
});

describe("splitting a huge page", () => {
  test("gives each page a folio of its own, and the zero page to those that hold nothing", () => {
    const m = machine(PMD_SIZE);
    const { used } = m;
    for (const page of [3, 500]) hostAccess(m.task, RAM + page * PAGE_SIZE, page);
    const folio = ptePfn(leafAt(m.task.mm, RAM)!.pte);
    const { frames } = m.host;
    frames.get(folio);
    frames.lock(folio);
    expect(splitFolio(m.host, folio)).toBe(true);
    frames.unlock(folio);
    frames.put(folio);
    expect(sites(m)).toEqual([["try_to_migrate_one", 0, PMD_SIZE]]);
    expect(m.used - used).toBe(2);
    expect(m.accesses(RAM, 512)[3]).toEqual({ pfn: folio + 3, write: true });
    expect(frames.test(folio + 3, PageFlag.anonExclusive)).toBe(true);
    for (const page of [0, 3, 4, 500]) {
      expect(hostAccess(m.task, RAM + page * PAGE_SIZE)).toEqual({
        value: page === 3 || page === 500 ? page : 0,
      });
    }
    munmap(m.task, RAM, PMD_SIZE);
    expect(m.used).toBe(used);
  });

  test("fails while somebody else holds a reference, and changes nothing", () => {
    const m = machine(PMD_SIZE);
    hostAccess(m.task, RAM, 1);
    const folio = ptePfn(leafAt(m.task.mm, RAM)!.pte);
    const { frames } = m.host;
    frames.getMany(folio, 2);
    frames.lock(folio);
    expect(splitFolio(m.host, folio)).toBe(false);
    frames.unlock(folio);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
  });
});

describe("fork", () => {
  test("shares huge pages, and the first write of either makes small copies", () => {
    const m = machine(PMD_SIZE);
    const { used } = m;
    hostAccess(m.task, RAM + PAGE_SIZE, 5);
    const folio = ptePfn(leafAt(m.task.mm, RAM)!.pte);
    const { frames } = m.host;
    const child = fork(m.task);
    expect([frames.mapcount.get(folio), isMaybeMappedShared(frames, folio)]).toEqual([2, true]);
    m.notifier.take();
    hostAccess(m.task, RAM + PAGE_SIZE, 6);
    expect(sites(m)).toEqual([
      ["__split_huge_pmd", 0, PMD_SIZE],
      ["wp_page_copy", PAGE_SIZE, 2 * PAGE_SIZE],
    ]);
    expect(hostAccess(child, RAM + PAGE_SIZE)).toEqual({ value: 5 });
    expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 6 });
    exit(child);
    expect(isMaybeMappedShared(frames, folio)).toBe(false);
    munmap(m.task, RAM, PMD_SIZE);
    expect(m.used).toBe(used);
  });
});

describe("mremap", () => {
  test("moves a huge page as a whole to where it can stand", () => {
    const m = machine(PMD_SIZE);
    hostAccess(m.task, RAM + PAGE_SIZE, 5);
    const to = RAM + 2 ** 30;
    ok(
      mremap(m.task, {
        oldAddress: RAM,
        oldSize: PMD_SIZE,
        newSize: PMD_SIZE,
        flags: MremapFlag.mayMove | MremapFlag.fixed,
        newAddress: to,
      }),
    );
    expect([m.sizes(RAM, 1), m.sizes(to, 1)]).toEqual([[0], [PMD_SIZE]]);
    expect(hostAccess(m.task, to + PAGE_SIZE)).toEqual({ value: 5 });
  });
});

const PAGES = 3 * PMD_PAGES;
/** Addresses are chosen near the edges of huge pages as well as anywhere. */
const page = fc.oneof(fc.nat(PAGES - 1), fc.constantFrom(0, 1, 511, 512, 513, 1023, 1024, 1535));
const span = fc.tuple(page, fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(512, 1024, PAGES)));
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constant("write" as const), page, value: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("read" as const), page }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom("munmap", "dontneed", "readonly", "writable", "none", "map", "huge"),
      span,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom("split", "fork", "exit"), page }) },
);

describe("any sequence of calls on huge and small pages", () => {
  test("agrees with a table of values, tells before it takes, and leaves no page behind", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const m = machine(PAGES * PAGE_SIZE);
        const { frames } = m.host;
        const { used } = m;
        const values = new Map<number, number>();
        const prots = new Array<number>(PAGES).fill(RW);
        const children: ReturnType<typeof fork>[] = [];
        const expected = (at: number, write: boolean) => {
          const prot = prots[at]!;
          if (prot === -1) return { signal: "SIGSEGV", code: "SEGV_MAPERR" };
          if ((prot & (write ? Prot.write : Prot.read)) === 0)
            return { signal: "SIGSEGV", code: "SEGV_ACCERR" };
          return { value: values.get(at) ?? 0 };
        };
        let before = m.accesses(RAM, PAGES);
        for (const now of steps) {
          if (now.op === "write" || now.op === "read") {
            const write = now.op === "write" ? now.value : undefined;
            if (write !== undefined && prots[now.page] === RW) values.set(now.page, write);
            const done = hostAccess(m.task, RAM + now.page * PAGE_SIZE, write);
            expect(done).toEqual(expected(now.page, write !== undefined));
          } else if ("span" in now) {
            const [first, count] = now.span;
            const start = RAM + first * PAGE_SIZE;
            const last = Math.min(PAGES, first + count);
            const length = (last - first) * PAGE_SIZE;
            const each = (change: (at: number) => void) => {
              for (let at = first; at < last; at++) change(at);
            };
            switch (now.op) {
              case "munmap":
                munmap(m.task, start, length);
                each((at) => {
                  prots[at] = -1;
                  values.delete(at);
                });
                break;
              case "map":
                m.mapAnon(start, length);
                each((at) => {
                  prots[at] = RW;
                  values.delete(at);
                });
                break;
              case "dontneed":
                madvise(m.task, start, length, Madv.dontneed);
                each((at) => values.delete(at));
                break;
              case "huge":
                madvise(m.task, start, length, Madv.hugepage);
                break;
              default: {
                const prot = now.op === "none" ? 0 : now.op === "readonly" ? Prot.read : RW;
                mprotect(m.task, start, length, prot);
                // A hole ends it.
                for (let at = first; at < last && prots[at] !== -1; at++) prots[at] = prot;
              }
            }
          } else if (now.op === "split") {
            const leaf = leafAt(m.task.mm, RAM + now.page * PAGE_SIZE);
            const pfn = leaf === null ? 0 : frames.folio(ptePfn(leaf.pte));
            if (leaf !== null && frames.order(pfn) === 9) {
              frames.get(pfn);
              frames.lock(pfn);
              splitFolio(m.host, pfn);
              frames.unlock(pfn);
              frames.put(pfn);
            }
          } else if (now.op === "fork") children.push(fork(m.task));
          else {
            const child = children.pop();
            if (child !== undefined) exit(child);
          }
          const after = m.accesses(RAM, PAGES);
          expect(untold(before, after, RAM, m.notifier.take())).toBeUndefined();
          expect(m.notifier.open).toBe(0);
          before = after;
        }
        for (const [at, value] of values) {
          if (prots[at]! > 0) expect(hostAccess(m.task, RAM + at * PAGE_SIZE)).toEqual({ value });
        }
        for (const child of children) exit(child);
        munmap(m.task, RAM, PAGES * PAGE_SIZE);
        m.host.lru.drain();
        const zero = m.host.hugeZeroFolio.peek() === 0 ? 0 : PMD_PAGES;
        expect(m.used).toBe(used + zero);
      }),
      { numRuns: 200 },
    );
  }, 120_000);
});

describe("MADV_COLLAPSE", () => {
  test("makes a huge page of small ones, under a notifier over all of it", () => {
    const m = new Machine();
    m.mapAnon(RAM, PMD_SIZE);
    const { used } = m;
    for (const page of [0, 7, 511]) hostAccess(m.task, RAM + page * PAGE_SIZE, page + 1);
    expect(madvise(m.task, RAM, PMD_SIZE, Madv.collapse)).toBe(0);
    expect(sites(m)).toEqual([["collapse_huge_page", 0, PMD_SIZE]]);
    expect([m.sizes(RAM, 1), m.used - used]).toEqual([[PMD_SIZE], PMD_PAGES]);
    for (const page of [0, 7, 511])
      expect(hostAccess(m.task, RAM + page * PAGE_SIZE)).toEqual({ value: page + 1 });
    munmap(m.task, RAM, PMD_SIZE);
    expect(m.used).toBe(used);
  });

  test("collapses a huge page that small entries map as well", () => {
    const m = machine(PMD_SIZE);
    hostAccess(m.task, RAM + 9 * PAGE_SIZE, 3);
    const { used } = m;
    mprotect(m.task, RAM, PAGE_SIZE, Prot.read);
    mprotect(m.task, RAM, PAGE_SIZE, RW);
    expect(m.sizes(RAM, 1)).toEqual([PAGE_SIZE]);
    expect(madvise(m.task, RAM, PMD_SIZE, Madv.collapse)).toBe(0);
    expect([m.sizes(RAM, 1), m.used]).toEqual([[PMD_SIZE], used]);
    expect(hostAccess(m.task, RAM + 9 * PAGE_SIZE)).toEqual({ value: 3 });
  });

  test("fails, and leaves everything as it is, while somebody holds a page", () => {
    const m = new Machine();
    m.mapAnon(RAM, PMD_SIZE);
    hostAccess(m.task, RAM, 1);
    hostAccess(m.task, RAM + PAGE_SIZE, 2);
    m.host.frames.get(ptePfn(leafAt(m.task.mm, RAM + PAGE_SIZE)!.pte));
    expect(madvise(m.task, RAM, PMD_SIZE, Madv.collapse)).toMatchObject({ errno: "EAGAIN" });
    expect(m.sizes(RAM, 3)).toEqual([PAGE_SIZE, PAGE_SIZE, 0]);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 1 });
  });
});
