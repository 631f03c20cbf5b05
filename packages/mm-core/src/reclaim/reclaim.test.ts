import { describe, expect, test } from "vitest";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import type { HostOptions } from "../host.js";
import { hostAccess } from "../host-access.js";
import { unpinUserPage } from "../pin.js";
import { getUserPage } from "../gup.js";
import { close, fallocate, ftruncate, memfdCreate } from "../syscalls/files.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { mlock } from "../syscalls/mlock.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { writeFile } from "../syscalls/write-file.js";
import { Machine, ok } from "../testing/machine.js";
import { folioMarkAccessed } from "./accessed.js";
import { shrinkLruvec } from "./shrink-lruvec.js";

const RAM = 0x2000_0000_0000;
const OTHER = 0x2100_0000_0000;

/** A machine that writes down what its listener is asked; `isYoung`: has the secondary MMU used a page? */
class Listened extends Machine {
  readonly asked: string[] = [];
  isYoung: (page: number) => boolean = () => false;

  constructor(options: HostOptions = {}) {
    super(options);
    for (const callback of ["clearYoung", "clearFlushYoung"] as const) {
      this.notifier[callback] = (...range: unknown[]) => {
        const [start, end, site] = range as [number, number, string];
        const [first, last] = [start, end].map((address) => (address - RAM) / PAGE_SIZE) as [number, number];
        this.asked.push(`${callback} ${site} ${first}-${last}`);
        return Array.from({ length: last - first }, (_, page) => first + page).some(this.isYoung);
      };
    }
  }

  /** So many pages of anonymous memory, each with something in it. */
  touched(pages: number): this {
    this.mapAnon(RAM, pages * PAGE_SIZE);
    for (let page = 0; page < pages; page++) hostAccess(this.task, RAM + page * PAGE_SIZE, 10 + page);
    this.host.lru.drain();
    return this;
  }

  reclaim(pages: number): void {
    shrinkLruvec(this.task.mm, RAM, RAM + pages * PAGE_SIZE);
  }

  /** Which pages the page table maps. */
  mapped(pages: number): readonly number[] {
    return this.accesses(RAM, pages).flatMap((access, page) => (access === null ? [] : [page]));
  }
}

const classic = () => {
  const m = new Listened();
  ok(writeFile(m.host, "/sys/kernel/mm/lru_gen/enabled", "n"));
  return m;
};

describe("reclaim by the classic LRU", () => {
  test("asks all that map a page whether it was used, keeps it if so, and takes it the next time if not", () => {
    const m = classic().touched(2);
    m.reclaim(2);
    expect(m.asked.splice(0)).toEqual([
      "clearFlushYoung folio_referenced_one 0-1",
      "clearFlushYoung folio_referenced_one 1-2",
    ]);
    expect([m.mapped(2), m.notifier.take()]).toEqual([[0, 1], []]);
    m.isYoung = (page) => page === 1;
    m.reclaim(2);
    expect(m.notifier.take().map(({ site, start }) => [site, start])).toEqual([["try_to_unmap_one", RAM]]);
    expect([m.mapped(2), m.host.swap.used()]).toEqual([[1], 1]);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 10 });
  });

  test("makes what was used twice active, and takes two calls more to reclaim it", () => {
    const m = classic().touched(1);
    m.reclaim(1);
    hostAccess(m.task, RAM);
    m.reclaim(1);
    m.asked.splice(0);
    m.reclaim(1);
    expect(m.asked.splice(0)).toEqual(["clearFlushYoung folio_referenced_one 0-1"]);
    expect(m.mapped(1)).toEqual([0]);
    m.reclaim(1);
    expect(m.mapped(1)).toEqual([]);
  });

  test("makes what several processes use active at once", () => {
    const m = classic().touched(1);
    const child = fork(m.task);
    hostAccess(child, RAM);
    m.reclaim(1);
    m.reclaim(1);
    expect(m.mapped(1)).toEqual([0]);
    m.reclaim(1);
    expect([m.mapped(1), m.host.swap.used()]).toEqual([[], 1]);
    expect(hostAccess(child, RAM)).toEqual({ value: 10 });
    exit(child);
  });
});

describe("reclaim by the multi-generational LRU", () => {
  test("looks around a page that was used, at those that it has not isolated", () => {
    const m = new Listened().touched(4);
    shrinkLruvec(m.task.mm, RAM + PAGE_SIZE, RAM + 2 * PAGE_SIZE);
    expect(m.asked.splice(0)).toEqual(
      ["1-2", "0-1", "2-3", "3-4"].map((at) => `clearYoung lru_gen_look_around ${at}`),
    );
    shrinkLruvec(m.task.mm, RAM + PAGE_SIZE, RAM + 2 * PAGE_SIZE);
    expect(m.asked.splice(0)).toEqual(["clearYoung lru_gen_look_around 1-2"]);
    expect(m.mapped(4)).toEqual([0, 2, 3]);
  });

  test("looks no further than 64 pages, nor beyond the mapping", () => {
    const m = new Listened().touched(100);
    shrinkLruvec(m.task.mm, RAM + 50 * PAGE_SIZE, RAM + 51 * PAGE_SIZE);
    const pages = m.asked.map((words) => Number(words.split(" ")[2]!.split("-")[0])).slice(1);
    expect([pages.length, Math.min(...pages), Math.max(...pages)]).toEqual([63, 18, 81]);
  });

  test("takes 64 pages at a time, and spares what looking around found used for the second time", () => {
    const m = new Listened().touched(66);
    for (const { pfn } of [m.accesses(RAM, 66)[65]!]) folioMarkAccessed(m.host, pfn);
    m.reclaim(66);
    // The first 64 are kept as used; of the other two, one was used for the first time only.
    expect(m.mapped(66)).toEqual([...Array.from({ length: 64 }, (_, page) => page), 65]);
  });

  test("asks about all of a huge page at once, and writes it to swap under one notifier", () => {
    const m = new Listened();
    m.mapAnon(RAM, PMD_SIZE);
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    hostAccess(m.task, RAM, 7);
    m.reclaim(PMD_PAGES);
    expect(m.asked.splice(0)).toEqual([`clearFlushYoung folio_referenced_one 0-${PMD_PAGES}`]);
    m.reclaim(PMD_PAGES);
    expect(m.notifier.take().map(({ site }) => site)).toEqual(["try_to_unmap_one"]);
    expect([m.host.swap.used(), hostAccess(m.task, RAM)]).toEqual([PMD_PAGES, { value: 7 }]);
  });

  test("splits a huge page of which a part is gone, and takes the rest page by page, the first one first", () => {
    const m = new Listened();
    m.mapAnon(RAM, PMD_SIZE);
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    for (let page = 0; page < PMD_PAGES; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 1 + page);
    ok(madvise(m.task, RAM + 4 * PAGE_SIZE, 508 * PAGE_SIZE, Madv.dontneed));
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.cold));
    m.notifier.take();
    m.reclaim(PMD_PAGES);
    const seen = m.notifier.take().map(({ site, start }) => [site, (start - RAM) / PAGE_SIZE]);
    expect(seen).toEqual([
      ["try_to_unmap_one", 0],
      ["try_to_unmap_one", 1],
      ["try_to_unmap_one", 2],
      ["try_to_unmap_one", 3],
    ]);
  });
});

describe("reclaim leaves alone, without a notifier,", () => {
  const quiet = (m: Listened, pages = 1) => {
    for (const _twice of [1, 2, 3]) m.reclaim(pages);
    expect([m.asked, m.notifier.take(), m.mapped(pages).length]).toEqual([[], [], pages]);
  };

  test("what is locked", () => {
    const m = new Listened().touched(1);
    ok(mlock(m.task, RAM, PAGE_SIZE));
    quiet(m);
  });

  test("private pages while swap is full", () => quiet(new Listened({ swapSize: 0 }).touched(1)));

  test("hugetlb", () => {
    const m = new Listened();
    const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed | MapFlag.hugetlb;
    ok(mmap(m.task, { addr: RAM, length: PMD_SIZE, prot: Prot.read | Prot.write, flags, fd: -1, offset: 0 }));
    hostAccess(m.task, RAM, 1);
    quiet(m, PMD_PAGES);
  });
});

test("a pinned page is asked about, and stays mapped", () => {
  const m = new Listened().touched(1);
  const pfn = getUserPage(m.task, RAM, { write: true, pin: true }) as number;
  for (const _twice of [1, 2]) m.reclaim(1);
  expect([m.asked.length, m.notifier.take(), m.mapped(1)]).toEqual([2, [], [0]]);
  unpinUserPage(m.host.frames, pfn);
  m.reclaim(1);
  expect(m.mapped(1)).toEqual([]);
});

test("MADV_PAGEOUT leaves a file's page alone that another mapping has locked", () => {
  const m = memfd(1);
  ok(
    mmap(m.task, {
      addr: OTHER,
      length: PAGE_SIZE,
      prot: Prot.read,
      flags: MapFlag.shared | MapFlag.fixed,
      fd: m.fd,
      offset: 0,
    }),
  );
  ok(mlock(m.task, OTHER, PAGE_SIZE));
  ok(madvise(m.task, OTHER, PAGE_SIZE, Madv.dontneedLocked));
  hostAccess(m.task, RAM, 1);
  m.host.lru.drain();
  ok(madvise(m.task, RAM, PAGE_SIZE, Madv.pageout));
  expect(m.mapped(1)).toEqual([]);
  hostAccess(m.task, OTHER);
  hostAccess(m.task, RAM, 2);
  m.notifier.take();
  ok(madvise(m.task, RAM, PAGE_SIZE, Madv.pageout));
  expect([m.notifier.take(), m.mapped(1)]).toEqual([[], [0]]);
});

test("a page of a file that nobody wrote to is dropped; one that was allocated goes to swap", () => {
  const m = memfd(3);
  hostAccess(m.task, RAM);
  ok(fallocate(m.task, m.fd, 0, PAGE_SIZE, PAGE_SIZE));
  hostAccess(m.task, RAM + 2 * PAGE_SIZE, 5);
  for (const _twice of [1, 2]) m.reclaim(3);
  expect([m.mapped(3), m.host.swap.used()]).toEqual([[], 2]);
  expect([0, 1, 2].map((page) => hostAccess(m.task, RAM + page * PAGE_SIZE))).toEqual([
    { value: 0 },
    { value: 0 },
    { value: 5 },
  ]);
  ok(close(m.task, m.fd));
});

test.each([
  ["n", false],
  ["yes", true],
  ["0", false],
  ["0x0007", true],
  ["6", false],
])("lru_gen/enabled takes %s", (word, enabled) => {
  const m = new Machine();
  ok(writeFile(m.host, "/sys/kernel/mm/lru_gen/enabled", word));
  expect(m.host.lruGenEnabled.get()).toBe(enabled);
  expect(writeFile(m.host, "/sys/kernel/mm/lru_gen/enabled", "on")).toMatchObject({ errno: "EINVAL" });
});

/** Pages of a memfd, mapped at RAM. */
function memfd(pages: number): Listened & { readonly fd: number } {
  const m = new Listened();
  const fd = ok(memfdCreate(m.task, 0));
  const length = pages * PAGE_SIZE;
  ok(ftruncate(m.task, fd, length));
  const flags = MapFlag.shared | MapFlag.fixed;
  ok(mmap(m.task, { addr: RAM, length, prot: Prot.read | Prot.write, flags, fd, offset: 0 }));
  return Object.assign(m, { fd });
}
