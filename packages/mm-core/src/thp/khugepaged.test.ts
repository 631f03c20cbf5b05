import { describe, expect, test } from "vitest";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { getUserPage } from "../gup.js";
import { hostAccess } from "../host-access.js";
import { leafAt } from "../leaf.js";
import { unpinUserPage } from "../pin.js";
import { ftruncate, memfdCreate } from "../syscalls/files.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { UffdRegister } from "../syscalls/userfaultfd.js";
import { writeFile } from "../syscalls/write-file.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";
import { khugepagedRun } from "./khugepaged.js";

const RAM = 0x2000_0000_0000;
const THP = "/sys/kernel/mm/transparent_hugepage/";

/** What the listener is asked, and says. */
interface Asked {
  readonly asked: string[];
  young: (page: number) => boolean;
}

/** Small pages at RAM, in some of 512, where huge ones are wanted from now on. */
function machine(touched: readonly number[]): Machine & Asked {
  const m: Machine & Asked = Object.assign(new Machine(), { asked: [], young: () => false });
  m.notifier.testYoung = (...at: unknown[]) => {
    const [address, site] = at as [number, string];
    const page = (address - RAM) / PAGE_SIZE;
    m.asked.push(`${site} ${page}`);
    return m.young(page);
  };
  m.mapAnon(RAM, PMD_SIZE);
  for (const page of touched) write(m, page);
  ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
  m.host.lru.drain();
  m.notifier.take();
  return m;
}

const write = (m: Machine, page: number) => hostAccess(m.task, RAM + page * PAGE_SIZE, 1 + page);
const read = (m: Machine, page: number) => hostAccess(m.task, RAM + page * PAGE_SIZE);
const cold = (m: Machine) => ok(madvise(m.task, RAM, PMD_SIZE, Madv.cold));
const isHuge = (m: Machine) => leafAt(m.task.mm, RAM)?.table.level === 1;
const sites = (m: Machine) => m.notifier.take().map(({ site }) => site);

/** Does one scan make a huge page? */
function collapses(m: Machine): boolean {
  khugepagedRun(m.host, 1);
  return isHuge(m);
}

describe("khugepaged", () => {
  test("collapses 2 MiB of which a page is in use, by the processor's word without asking anybody", () => {
    const m = machine([0, 5]);
    expect(collapses(m)).toBe(true);
    expect([m.asked, sites(m)]).toEqual([[], ["collapse_huge_page"]]);
    expect([0, 5, 6].map((page) => read(m, page))).toEqual([{ value: 1 }, { value: 6 }, { value: 0 }]);
  });

  test("asks the secondary MMU page by page where nobody else knows, and not what it never mapped", () => {
    const m = machine([0, 5]);
    cold(m);
    expect(collapses(m)).toBe(false);
    expect([m.asked, sites(m)]).toEqual([["collapse_scan_pmd 0", "collapse_scan_pmd 5"], []]);
  });

  test("asks once more after it has told the secondary MMU, which then knows of no use", () => {
    const m = machine([5]);
    cold(m);
    m.young = () => m.notifier.ranges.length === 0;
    expect(collapses(m)).toBe(false);
    expect([m.asked, sites(m)]).toEqual([
      ["collapse_scan_pmd 5", "__collapse_huge_page_isolate 5"],
      ["collapse_huge_page"],
    ]);
    expect([read(m, 5), m.sizes(RAM + 5 * PAGE_SIZE, 1)]).toEqual([{ value: 6 }, [PAGE_SIZE]]);
    m.young = () => true;
    cold(m);
    expect(collapses(m)).toBe(true);
  });

  test("reads what is in swap, of 64 pages at most and if half of them are in use", () => {
    const all = Array.from({ length: PMD_PAGES }, (_, page) => page);
    const m = machine(all);
    const pageout = (pages: number) => ok(madvise(m.task, RAM, pages * PAGE_SIZE, Madv.pageout));
    pageout(65);
    expect(collapses(m)).toBe(false);
    read(m, 0);
    expect(collapses(m)).toBe(true);
    expect([m.host.swap.used(), read(m, 3), read(m, 500)]).toEqual([0, { value: 4 }, { value: 501 }]);
    const few = machine([0, 1, 2]);
    ok(madvise(few.task, RAM, PAGE_SIZE, Madv.pageout));
    expect(collapses(few)).toBe(false);
    ok(madvise(few.task, RAM, PMD_SIZE, Madv.collapse));
    expect([isHuge(few), read(few, 0)]).toEqual([true, { value: 1 }]);
  });

  test.each<[string, (m: Machine) => unknown, (m: Machine) => unknown]>([
    [
      "more is missing than max_ptes_none says",
      (m) => ok(writeFile(m.host, `${THP}khugepaged/max_ptes_none`, "509")),
      (m) => write(m, 9),
    ],
    [
      "more is shared than max_ptes_shared says",
      (m) => [ok(writeFile(m.host, `${THP}khugepaged/max_ptes_shared`, "1")), fork(m.task)],
      (m) => ok(writeFile(m.host, `${THP}khugepaged/max_ptes_shared`, "2")),
    ],
    ["MADV_FREE gave a page up", (m) => ok(madvise(m.task, RAM, PAGE_SIZE, Madv.free)), (m) => write(m, 0)],
    [
      "the mapping is not to have any",
      (m) => ok(madvise(m.task, RAM, PMD_SIZE, Madv.nohugepage)),
      (m) => ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage)),
    ],
    [
      "nobody is to have any",
      (m) => ok(writeFile(m.host, `${THP}enabled`, "never")),
      (m) => ok(writeFile(m.host, `${THP}enabled`, "always")),
    ],
  ])("makes none where %s", (_why, prevent, mend) => {
    const m = machine([0, 5]);
    prevent(m);
    expect(collapses(m)).toBe(false);
    expect(sites(m).filter((site) => site.startsWith("collapse"))).toEqual([]);
    mend(m);
    expect(collapses(m)).toBe(true);
  });

  test("makes none of a pinned page until it is unpinned", () => {
    const m = machine([0]);
    const pfn = getUserPage(m.task, RAM, { write: true, pin: true }) as number;
    expect(collapses(m)).toBe(false);
    unpinUserPage(m.host.frames, pfn);
    expect(collapses(m)).toBe(true);
  });

  test("leaves holes to a userfaultfd, as MADV_COLLAPSE does", () => {
    const m = machine([0]);
    watch(m, RAM, PMD_SIZE, UffdRegister.missing);
    expect(collapses(m)).toBe(false);
    expect(madvise(m.task, RAM, PMD_SIZE, Madv.collapse)).toMatchObject({ errno: "EBUSY" });
  });

  test("looks at the processes that can have huge pages: who faulted one in, asked for them, or was forked from one", () => {
    const m = new Machine();
    m.mapAnon(RAM, PMD_SIZE);
    const listed = () => m.host.khugepaged.get().length;
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    expect(listed()).toBe(0);
    write(m, 0);
    expect([listed(), isHuge(m)]).toEqual([1, true]);
    const child = fork(m.task);
    expect(listed()).toBe(2);
    exit(child);
    expect(listed()).toBe(1);
  });

  test("collapses shared memory where shmem_enabled has it so, and leaves the mapping to the next fault", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, 0));
    ok(ftruncate(m.task, fd, PMD_SIZE));
    const flags = MapFlag.shared | MapFlag.fixed;
    const map = () =>
      ok(mmap(m.task, { addr: RAM, length: PMD_SIZE, prot: Prot.read | Prot.write, flags, fd, offset: 0 }));
    map();
    write(m, 3);
    m.host.lru.drain();
    expect(collapses(m)).toBe(false);
    ok(writeFile(m.host, `${THP}shmem_enabled`, "advise"));
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    m.notifier.take();
    khugepagedRun(m.host, 1);
    expect(sites(m)).toEqual(["try_to_unmap_one", "retract_page_tables"]);
    expect(m.sizes(RAM, 1)).toEqual([0]);
    expect([read(m, 3), isHuge(m)]).toEqual([{ value: 4 }, true]);
  });
});

test.each(["512", "-1", "none"])("max_ptes_none refuses %s", (word) => {
  const { host } = new Machine();
  expect(writeFile(host, `${THP}khugepaged/max_ptes_none`, word)).toMatchObject({ errno: "EINVAL" });
});
