import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { leafAt, leafPage } from "../leaf.js";
import { FallocFlag } from "../shmem.js";
import { close, fallocate, ftruncate, memfdCreate } from "../syscalls/files.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { munmap } from "../syscalls/munmap.js";
import { writeFile } from "../syscalls/write-file.js";
import { Machine, ok, untold } from "../testing/machine.js";
import { splitFolio } from "./split-folio.js";

const RAM = 0x2000_0000_0000;
const SHMEM_ENABLED = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const PUNCH = FallocFlag.keepSize | FallocFlag.punchHole;

interface Setup {
  readonly enabled?: string;
  readonly size?: number;
  readonly length?: number;
  /** Of the file, at the mapping's beginning. */
  readonly offset?: number;
  readonly flags?: number;
  readonly advice?: number;
}

/** A memfd of 4 MiB, mapped. */
function machine(setup: Setup = {}): Machine & { readonly fd: number } {
  const m = new Machine();
  ok(writeFile(m.host, SHMEM_ENABLED, setup.enabled ?? "advise"));
  const fd = ok(memfdCreate(m.task, 0));
  ok(ftruncate(m.task, fd, setup.size ?? 2 * PMD_SIZE));
  const length = setup.length ?? 2 * PMD_SIZE;
  const flags = (setup.flags ?? MapFlag.shared) | MapFlag.fixed;
  const prot = Prot.read | Prot.write;
  ok(mmap(m.task, { addr: RAM, length, prot, flags, fd, offset: setup.offset ?? 0 }));
  if (setup.advice !== 0) ok(madvise(m.task, RAM, length, setup.advice ?? Madv.hugepage));
  return Object.assign(m, { fd });
}

const sites = (m: Machine) =>
  m.notifier.take().map(({ site, start, end }) => [site, (start - RAM) / PAGE_SIZE, (end - RAM) / PAGE_SIZE]);

describe("a fault on shared memory", () => {
  test.each<[string, Setup, number]>([
    ["advise, after MADV_HUGEPAGE", {}, PMD_SIZE],
    ["advise, without", { advice: 0 }, PAGE_SIZE],
    ["always", { enabled: "always", advice: 0 }, PMD_SIZE],
    ["always, after MADV_NOHUGEPAGE", { enabled: "always", advice: Madv.nohugepage }, PAGE_SIZE],
    ["never", { enabled: "never" }, PAGE_SIZE],
    ["deny", { enabled: "deny" }, PAGE_SIZE],
    ["force", { enabled: "force", advice: 0 }, PMD_SIZE],
    ["within_size, all of it", { enabled: "within_size", advice: 0 }, PMD_SIZE],
    ["within_size, a file of one page", { enabled: "within_size", size: PAGE_SIZE, advice: 0 }, PAGE_SIZE],
    [
      "within_size, a file of 16 pages: a smaller size fits, and 2 MiB inherits",
      { enabled: "within_size", size: 16 * PAGE_SIZE, advice: 0 },
      PMD_SIZE,
    ],
    ["a mapping that is too small", { length: PMD_SIZE - PAGE_SIZE }, PAGE_SIZE],
    ["a mapping that is aligned differently from the file", { offset: PAGE_SIZE }, PAGE_SIZE],
  ])("maps by shmem_enabled: %s", (_how, setup, size) => {
    const m = machine(setup);
    hostAccess(m.task, RAM, 7);
    expect(m.sizes(RAM, 1)).toEqual([size]);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 7 });
  });

  test("maps small pages where some are there already", () => {
    const m = machine({ advice: 0 });
    hostAccess(m.task, RAM + 5 * PAGE_SIZE, 1);
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    hostAccess(m.task, RAM, 1);
    expect(m.sizes(RAM, 6)).toEqual([PAGE_SIZE, 0, 0, 0, 0, PAGE_SIZE]);
  });

  test("maps what another process has allocated, and its child does so again after fork", () => {
    const m = machine();
    hostAccess(m.task, RAM + PAGE_SIZE, 3);
    const child = fork(m.task);
    expect(leafAt(child.mm, RAM)).toBeNull();
    expect(hostAccess(child, RAM + PAGE_SIZE)).toEqual({ value: 3 });
    expect(leafAt(child.mm, RAM)!.table.level).toBe(1);
    exit(child);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
  });

  test("copies a page of it into a private mapping that is written to", () => {
    const m = machine({ flags: MapFlag.private, enabled: "always" });
    hostAccess(m.task, RAM + PAGE_SIZE);
    expect(m.sizes(RAM, 2)).toEqual([PMD_SIZE, PMD_SIZE]);
    hostAccess(m.task, RAM + PAGE_SIZE, 4);
    expect(m.sizes(RAM + PAGE_SIZE, 1)).toEqual([PAGE_SIZE]);
    expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 4 });
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
  });
});

describe("a hole in a huge page of a file", () => {
  test("splits it: the mapping, the page, and the larger of its pieces", () => {
    const m = machine();
    hostAccess(m.task, RAM + PAGE_SIZE, 3);
    hostAccess(m.task, RAM + 9 * PAGE_SIZE, 4);
    m.notifier.take();
    ok(fallocate(m.task, m.fd, PUNCH, 8 * PAGE_SIZE, 4 * PAGE_SIZE));
    expect(sites(m)).toEqual([
      ["zap_vma_range_batched", 8, 12],
      ["__split_huge_pmd", 0, 512],
      ["try_to_unmap_one", 0, 512],
      ["try_to_unmap_one", 12, 16],
    ]);
    expect(m.used).toBe(1 + 12 * 512 + 508);
    expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 3 });
    expect(hostAccess(m.task, RAM + 9 * PAGE_SIZE)).toEqual({ value: 0 });
  });

  test("leaves its pages, empty, while somebody else holds it", () => {
    const m = machine();
    hostAccess(m.task, RAM + 9 * PAGE_SIZE, 4);
    const page = leafPage(leafAt(m.task.mm, RAM)!, RAM);
    m.host.frames.get(page);
    ok(fallocate(m.task, m.fd, PUNCH, 8 * PAGE_SIZE, 4 * PAGE_SIZE));
    expect(m.host.frames.order(page)).toBe(9);
    expect(hostAccess(m.task, RAM + 9 * PAGE_SIZE)).toEqual({ value: 0 });
    m.host.frames.put(page);
  });

  test("of all of it takes it whole", () => {
    const m = machine();
    const before = m.used;
    hostAccess(m.task, RAM, 1);
    hostAccess(m.task, RAM + PMD_SIZE, 1);
    m.notifier.take();
    ok(fallocate(m.task, m.fd, PUNCH, 0, PMD_SIZE));
    expect(sites(m)).toEqual([["zap_vma_range_batched", 0, 512]]);
    expect(m.used).toBe(before + 512);
  });
});

test("a split gives back what lies beyond the file's end", () => {
  const m = machine({ enabled: "force", size: 3 * PAGE_SIZE, advice: 0 });
  const before = m.used;
  hostAccess(m.task, RAM, 5);
  const page = leafPage(leafAt(m.task.mm, RAM)!, RAM);
  const { frames } = m.host;
  frames.get(page);
  frames.lock(page);
  expect(splitFolio(m.host, page)).toBe(true);
  frames.unlock(page);
  frames.put(page);
  expect(m.used).toBe(before + 3);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 5 });
});

test("a control file refuses what is no word of its, and others are not modelled", () => {
  const m = new Machine();
  expect(`${writeFile(m.host, SHMEM_ENABLED, "madvise")}`).toContain("EINVAL");
  expect(() => writeFile(m.host, "/proc/sys/vm/overcommit_memory", "1")).toThrow("a write to /proc/sys/vm");
});

const page = fc.nat({ max: 2 * PMD_PAGES - 1 });
const op = fc.oneof(
  fc.record({ op: fc.constant("write" as const), page, value: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ op: fc.constant("read" as const), page }),
  fc.record({ op: fc.constant("punch" as const), page, pages: fc.integer({ min: 1, max: 600 }) }),
  fc.record({ op: fc.constant("drop" as const), page, pages: fc.integer({ min: 1, max: 600 }) }),
  fc.record({
    op: fc.constant("enabled" as const),
    word: fc.constantFrom("always", "never", "advise", "deny"),
  }),
);

test("whatever is written, read, dropped and punched: contents are a map's, notifiers tell, no page is lost", () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 20 }), (ops) => {
      const m = machine();
      const empty = m.used;
      const contents = new Map<number, number>();
      for (const each of ops) {
        const before = m.accesses(RAM, 2 * PMD_PAGES);
        if (each.op === "enabled") ok(writeFile(m.host, SHMEM_ENABLED, each.word));
        else if (each.op === "write") {
          hostAccess(m.task, RAM + each.page * PAGE_SIZE, each.value);
          contents.set(each.page, each.value);
        } else if (each.op === "read") {
          const value = contents.get(each.page) ?? 0;
          expect(hostAccess(m.task, RAM + each.page * PAGE_SIZE)).toEqual({ value });
        } else {
          const end = Math.min(each.page + each.pages, 2 * PMD_PAGES);
          const bytes = (end - each.page) * PAGE_SIZE;
          if (each.op === "drop") ok(madvise(m.task, RAM + each.page * PAGE_SIZE, bytes, Madv.dontneed));
          else {
            ok(fallocate(m.task, m.fd, PUNCH, each.page * PAGE_SIZE, bytes));
            for (let gone = each.page; gone < end; gone++) contents.delete(gone);
          }
        }
        expect(untold(before, m.accesses(RAM, 2 * PMD_PAGES), RAM, m.notifier.take())).toBeUndefined();
      }
      ok(munmap(m.task, RAM, 2 * PMD_SIZE));
      ok(close(m.task, m.fd));
      m.host.lru.drain();
      expect(m.used).toBe(empty);
    }),
    { numRuns: 60 },
  );
});
