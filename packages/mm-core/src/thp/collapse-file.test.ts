import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { leafAt, leafPage } from "../leaf.js";
import type { Mm } from "../mm.js";
import { FallocFlag } from "../shmem.js";
import { close, fallocate, ftruncate, memfdCreate } from "../syscalls/files.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { munmap } from "../syscalls/munmap.js";
import { UffdRegister, UffdWriteprotect, uffdioWriteprotect } from "../syscalls/userfaultfd.js";
import { writeFile } from "../syscalls/write-file.js";
import { Machine, ok, untold } from "../testing/machine.js";
import { watch } from "../testing/watch.js";
import { UffdFeature } from "../userfaultfd/context.js";

const RAM = 0x2000_0000_0000;
const OTHER = 0x2100_0000_0000;
const LENGTH = 2 * PMD_SIZE;
const PUNCH = FallocFlag.keepSize | FallocFlag.punchHole;

type MemfdMachine = Machine & { readonly fd: number };

/** A memfd of 4 MiB, mapped; its pages are small ones. */
function machine(nodes = 2): MemfdMachine {
  const m = new Machine({ hugetlb2M: 0, nodes });
  const fd = ok(memfdCreate(m.task, 0));
  ok(ftruncate(m.task, fd, LENGTH));
  return map(Object.assign(m, { fd }), RAM, MapFlag.shared);
}

function map(m: MemfdMachine, addr: number, type: number, offset = 0): MemfdMachine {
  const prot = Prot.read | Prot.write;
  const length = LENGTH - offset;
  ok(mmap(m.task, { addr, length, prot, flags: type | MapFlag.fixed, fd: m.fd, offset }));
  return m;
}

const write = (m: Machine, page: number, value: number) => hostAccess(m.task, RAM + page * PAGE_SIZE, value);
const read = (m: Machine, page: number) => hostAccess(m.task, RAM + page * PAGE_SIZE);
const collapse = (m: Machine, length = PMD_SIZE) => madvise(m.task, RAM, length, Madv.collapse);
const levelAt = (mm: Mm, address: number) => leafAt(mm, address)?.table.level;
const sites = (m: Machine) =>
  m.notifier.take().map(({ site, start, end }) => [site, (start - RAM) / PAGE_SIZE, (end - RAM) / PAGE_SIZE]);

/** The huge page is there, and small entries map it. */
function mapBySmallEntries(m: Machine): void {
  write(m, 0, 1);
  ok(collapse(m));
  ok(madvise(m.task, RAM, LENGTH, Madv.nohugepage));
  ok(madvise(m.task, RAM + PAGE_SIZE, PAGE_SIZE, Madv.dontneed));
  read(m, 0);
  ok(madvise(m.task, RAM, LENGTH, Madv.hugepage));
  expect(m.sizes(RAM, 1)).toEqual([PAGE_SIZE]);
  m.notifier.take();
}

const watchAll = (m: Machine, addr: number, mode: number) =>
  watch(m, addr, LENGTH, mode, UffdFeature.wpHugetlbfsShmem);

describe("MADV_COLLAPSE of shared memory", () => {
  test("unmaps each page, takes the table of PTEs away, and maps the huge page that has the contents and zeros", () => {
    const m = machine();
    const before = m.used;
    for (const page of [0, 7, 511]) write(m, page, page + 1);
    m.notifier.take();
    expect(collapse(m)).toBe(0);
    expect(sites(m)).toEqual([
      ["try_to_unmap_one", 0, 1],
      ["try_to_unmap_one", 7, 8],
      ["try_to_unmap_one", 511, 512],
      ["retract_page_tables", 0, 512],
    ]);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
    expect(m.used).toBe(before + PMD_PAGES);
    for (const page of [0, 7, 511]) expect(read(m, page)).toEqual({ value: page + 1 });
    expect(read(m, 8)).toEqual({ value: 0 });
    ok(munmap(m.task, RAM, LENGTH));
    ok(close(m.task, m.fd));
    m.host.lru.drain();
    expect(m.used).toBe(before);
  });

  test("takes the tables of all mappings away, and only the caller's maps the huge page at once", () => {
    const m = machine();
    write(m, 3, 4);
    const child = fork(m.task);
    map(m, OTHER, MapFlag.shared);
    const places = [
      { task: child, base: RAM },
      { task: m.task, base: OTHER },
    ];
    for (const { task, base } of places) hostAccess(task, base + 3 * PAGE_SIZE);
    m.notifier.take();
    ok(collapse(m));
    expect(sites(m).filter(([site]) => site === "retract_page_tables")).toHaveLength(2);
    for (const { task, base } of places) {
      expect(task.mm.pteTable(base)).toBeNull();
      expect(levelAt(task.mm, base)).toBeUndefined();
      expect(hostAccess(task, base + 3 * PAGE_SIZE)).toEqual({ value: 4 });
      expect(levelAt(task.mm, base)).toBe(1);
    }
    exit(child);
  });

  test("leaves their tables to private mappings that were written to", () => {
    const m = map(machine(), OTHER, MapFlag.private);
    write(m, 3, 4);
    hostAccess(m.task, OTHER + 5 * PAGE_SIZE, 9);
    m.notifier.take();
    ok(collapse(m));
    expect(sites(m)).toContainEqual(["retract_page_tables", 0, 512]);
    expect(m.task.mm.pteTable(OTHER)).not.toBeNull();
    expect(hostAccess(m.task, OTHER + 5 * PAGE_SIZE)).toEqual({ value: 9 });
    expect(read(m, 5)).toEqual({ value: 0 });
  });

  test("leaves its table to a mapping whose offset in the file is not its own modulo 2 MiB", () => {
    const m = map(machine(), OTHER, MapFlag.shared, PAGE_SIZE);
    write(m, 3, 4);
    hostAccess(m.task, OTHER);
    m.notifier.take();
    ok(collapse(m));
    expect(m.task.mm.pteTable(OTHER)).not.toBeNull();
    expect(hostAccess(m.task, OTHER + 2 * PAGE_SIZE)).toEqual({ value: 4 });
  });

  test("of a huge page that small entries map takes the table away, under a notifier of its own", () => {
    const m = machine();
    mapBySmallEntries(m);
    const { used } = m;
    expect(collapse(m)).toBe(0);
    expect(sites(m)).toEqual([["try_collapse_pte_mapped_thp", 0, 512]]);
    expect([m.sizes(RAM, 1), m.used]).toEqual([[PMD_SIZE], used]);
    expect(collapse(m)).toBe(0);
    expect(sites(m)).toEqual([]);
    const { frames } = m.host;
    const page = leafPage(leafAt(m.task.mm, RAM)!, RAM);
    m.host.lru.drain();
    expect([frames.mapcount.get(page), frames.refcount.get(page)]).toEqual([1, PMD_PAGES + 1]);
  });

  test("reads from swap what is there, and zeroes what was only allocated", () => {
    const m = machine();
    write(m, 3, 4);
    m.host.lru.drain();
    ok(madvise(m.task, RAM, PAGE_SIZE * 8, Madv.pageout));
    expect(m.sizes(RAM, 4)).toEqual([0, 0, 0, 0]);
    ok(fallocate(m.task, m.fd, 0, 5 * PAGE_SIZE, PAGE_SIZE));
    expect(collapse(m)).toBe(0);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
    expect([read(m, 3), read(m, 5)]).toEqual([{ value: 4 }, { value: 0 }]);
  });

  test("takes the huge page from a node that most of the pages are on", () => {
    const m = machine();
    for (const [page, cpu] of [0, 1, 1].entries()) {
      m.task.cpu.set(cpu);
      write(m, page, 1);
    }
    m.task.cpu.set(0);
    ok(collapse(m));
    expect(m.host.frames.nodeOf(leafPage(leafAt(m.task.mm, RAM)!, RAM))).toBe(1);
  });

  test("collapses each 2 MiB of the range, and goes on after one that is held", () => {
    const m = machine();
    write(m, 0, 1);
    write(m, 512, 2);
    const page = leafPage(leafAt(m.task.mm, RAM)!, RAM);
    m.host.frames.get(page);
    expect(collapse(m, LENGTH)).toMatchObject({ errno: "EAGAIN" });
    expect([...m.sizes(RAM, 1), ...m.sizes(RAM + PMD_SIZE, 1)]).toEqual([PAGE_SIZE, PMD_SIZE]);
    m.host.frames.put(page);
    expect(collapse(m, LENGTH)).toBe(0);
    expect([read(m, 0), read(m, 512)]).toEqual([{ value: 1 }, { value: 2 }]);
  });

  test.each<[string, string, (m: MemfdMachine) => unknown]>([
    ["nothing is there", "EINVAL", () => undefined],
    ["shmem_enabled is deny", "EINVAL", (m) => [write(m, 0, 1), writeFile(m.host, SHMEM_ENABLED, "deny")]],
    [
      "MADV_NOHUGEPAGE was said",
      "EINVAL",
      (m) => [write(m, 0, 1), madvise(m.task, RAM, LENGTH, Madv.nohugepage)],
    ],
    [
      "a private copy is in the table",
      "EINVAL",
      (m) => [map(m, RAM, MapFlag.private), write(m, 0, 1), write(m, 1, 1)],
    ],
    [
      "a mapping of the holes asks a userfaultfd for them",
      "EBUSY",
      (m) => [write(m, 0, 1), map(m, OTHER, MapFlag.shared), watchAll(m, OTHER, UffdRegister.missing)],
    ],
    [
      "a userfaultfd protects the mapping from writes",
      "EINVAL",
      (m) => [write(m, 0, 1), watchAll(m, RAM, UffdRegister.wp)],
    ],
  ])("is refused where %s (%s)", (_why, errno, prepare) => {
    const m = machine();
    prepare(m);
    expect(collapse(m)).toMatchObject({ errno });
  });

  test("that fails leaves every page as it was, though unmapped", () => {
    const m = machine();
    for (const page of [0, 1, 2]) write(m, page, page + 1);
    map(m, OTHER, MapFlag.shared);
    watchAll(m, OTHER, UffdRegister.missing);
    const { used } = m;
    expect(collapse(m)).toMatchObject({ errno: "EBUSY" });
    expect([m.sizes(RAM, 3), m.used]).toEqual([[0, 0, 0], used]);
    for (const page of [0, 1, 2]) expect(read(m, page)).toEqual({ value: page + 1 });
    expect(m.host.frames.order(leafPage(leafAt(m.task.mm, RAM)!, RAM))).toBe(0);
  });

  test("keeps the write protection of another mapping's pages, and its table", () => {
    const m = map(machine(), OTHER, MapFlag.shared);
    const fd = watchAll(m, OTHER, UffdRegister.wp);
    write(m, 0, 1);
    hostAccess(m.task, OTHER);
    ok(uffdioWriteprotect(m.task, fd, OTHER, PAGE_SIZE, UffdWriteprotect.wp));
    ok(collapse(m));
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
    expect(hostAccess(m.task, OTHER, 5)).not.toHaveProperty("value");
    expect(read(m, 0)).toEqual({ value: 1 });
  });
});

const SHMEM_ENABLED = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const page = fc.nat({ max: 2 * PMD_PAGES - 1 });
const op = fc.oneof(
  fc.record({ op: fc.constant("write" as const), page, value: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ op: fc.constant("read" as const), page }),
  fc.record({ op: fc.constant("punch" as const), page, pages: fc.integer({ min: 1, max: 600 }) }),
  fc.record({
    op: fc.constantFrom("drop" as const, "pageout" as const),
    page,
    pages: fc.integer({ min: 1, max: 600 }),
  }),
  fc.record({ op: fc.constant("collapse" as const), at: fc.constantFrom(0, PMD_SIZE) }),
  fc.record({ op: fc.constantFrom("hugepage" as const, "nohugepage" as const) }),
);

test("whatever is collapsed between writes, holes and swap: contents are a map's, notifiers tell, no page is lost", () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 20 }), (ops) => {
      const m = machine();
      const empty = m.used;
      const contents = new Map<number, number>();
      for (const each of ops) {
        const before = m.accesses(RAM, 2 * PMD_PAGES);
        switch (each.op) {
          case "write":
            write(m, each.page, each.value);
            contents.set(each.page, each.value);
            break;
          case "read":
            expect(read(m, each.page)).toEqual({ value: contents.get(each.page) ?? 0 });
            break;
          case "collapse":
            madvise(m.task, RAM + each.at, PMD_SIZE, Madv.collapse);
            break;
          case "hugepage":
          case "nohugepage":
            ok(madvise(m.task, RAM, LENGTH, Madv[each.op]));
            break;
          default: {
            const end = Math.min(each.page + each.pages, 2 * PMD_PAGES);
            const bytes = (end - each.page) * PAGE_SIZE;
            const address = RAM + each.page * PAGE_SIZE;
            if (each.op === "drop") ok(madvise(m.task, address, bytes, Madv.dontneed));
            else if (each.op === "pageout") ok(madvise(m.task, address, bytes, Madv.pageout));
            else {
              ok(fallocate(m.task, m.fd, PUNCH, each.page * PAGE_SIZE, bytes));
              for (let gone = each.page; gone < end; gone++) contents.delete(gone);
            }
          }
        }
        expect(untold(before, m.accesses(RAM, 2 * PMD_PAGES), RAM, m.notifier.take())).toBeUndefined();
        expect(m.notifier.open).toBe(0);
      }
      for (const [written, value] of contents) expect(read(m, written)).toEqual({ value });
      ok(munmap(m.task, RAM, LENGTH));
      ok(close(m.task, m.fd));
      m.host.lru.drain();
      expect(m.used).toBe(empty);
    }),
    { numRuns: 60 },
  );
});
