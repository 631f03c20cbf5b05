import { describe, expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { PageFlag } from "../page-flags.js";
import { Machine, ok } from "../testing/machine.js";
import { ftruncate, memfdCreate } from "./files.js";
import { Madv, madvise } from "./madvise.js";
import { mincore } from "./mincore.js";
import { mlock } from "./mlock.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { mprotect } from "./mprotect.js";
import { mseal } from "./mseal.js";

const RAM = 0x2000_0000_0000;
const LENGTH = 2 * PAGE_SIZE;

function anon(options = {}): Machine {
  const m = new Machine(options);
  m.mapAnon(RAM, LENGTH);
  hostAccess(m.task, RAM, 4);
  hostAccess(m.task, RAM + PAGE_SIZE, 5);
  m.notifier.take();
  return m;
}

function memfd(flags: number, options = {}): Machine {
  const m = new Machine(options);
  const fd = ok(memfdCreate(m.task, 0));
  ftruncate(m.task, fd, LENGTH);
  ok(
    mmap(m.task, {
      addr: RAM,
      length: LENGTH,
      prot: Prot.read | Prot.write,
      flags: flags | MapFlag.fixed,
      fd,
      offset: 0,
    }),
  );
  hostAccess(m.task, RAM, 4);
  m.notifier.take();
  return m;
}

const advise = (m: Machine, advice: number) => madvise(m.task, RAM, LENGTH, advice);
const sites = (m: Machine) => m.notifier.take().map(({ site }) => site);

describe("MADV_PAGEOUT", () => {
  test("writes private pages to swap, one notifier each, and a read brings them back writable", () => {
    const m = anon();
    expect(advise(m, Madv.pageout)).toBe(0);
    expect(sites(m)).toEqual(["try_to_unmap_one", "try_to_unmap_one"]);
    expect([m.accesses(RAM, 2), m.host.swap.used()]).toEqual([[null, null], 2]);
    expect(mincore(m.task, RAM, LENGTH)).toEqual([false, false]);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 4 });
    expect([m.accesses(RAM, 1)[0]!.write, m.host.swap.used()]).toEqual([true, 1]);
  });

  test("unmaps nothing private without swap, but tries with a file's pages", () => {
    const m = anon({ swapSize: 0 });
    advise(m, Madv.pageout);
    expect(sites(m)).toEqual([]);
    const f = memfd(MapFlag.shared, { swapSize: 0 });
    advise(f, Madv.pageout);
    expect(sites(f)).toEqual(["try_to_unmap_one"]);
    expect(hostAccess(f.task, RAM)).toEqual({ value: 4 });
  });

  test("drops what MADV_FREE gave up, unless it was written to since", () => {
    const m = anon();
    advise(m, Madv.free);
    expect(sites(m)).toEqual(["madvise_free_single_vma"]);
    hostAccess(m.task, RAM + PAGE_SIZE, 6);
    advise(m, Madv.pageout);
    expect(m.host.swap.used()).toBe(0);
    expect([hostAccess(m.task, RAM), hostAccess(m.task, RAM + PAGE_SIZE)]).toEqual([
      { value: 0 },
      { value: 6 },
    ]);
  });

  test("is refused on locked memory", () => {
    const m = anon();
    mlock(m.task, RAM, LENGTH);
    expect(advise(m, Madv.pageout)).toMatchObject({ errno: "EINVAL" });
  });
});

describe("guard pages", () => {
  test("take what was there, stop every access, and survive MADV_DONTNEED", () => {
    const m = anon();
    advise(m, Madv.guardInstall);
    expect(sites(m)).toEqual(["zap_vma_range_batched"]);
    advise(m, Madv.dontneed);
    expect(hostAccess(m.task, RAM)).toMatchObject({ signal: "SIGSEGV" });
    advise(m, Madv.guardRemove);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
  });

  test("raise nothing where nothing was mapped", () => {
    const m = new Machine();
    m.mapAnon(RAM, LENGTH);
    advise(m, Madv.guardInstall);
    expect(sites(m)).toEqual([]);
  });
});

describe("MADV_REMOVE", () => {
  test("punches a hole into the file behind a shared mapping", () => {
    const m = memfd(MapFlag.shared);
    expect(advise(m, Madv.remove)).toBe(0);
    expect(sites(m)).toContain("zap_vma_range_batched");
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
  });

  test.each([
    ["private anonymous memory", anon, "EINVAL"],
    ["a private mapping of a file", () => memfd(MapFlag.private), "EACCES"],
  ])("is refused on %s", (_what, make, errno) => {
    expect(advise(make(), Madv.remove)).toMatchObject({ errno });
  });
});

describe("MADV_POPULATE", () => {
  test("breaks copies only when it writes", () => {
    const m = new Machine();
    m.mapAnon(RAM, LENGTH);
    advise(m, Madv.populateRead);
    expect(m.accesses(RAM, 1)).toEqual([{ pfn: m.host.zeroPfn, write: false }]);
    advise(m, Madv.populateWrite);
    expect(sites(m)).toEqual(["wp_page_copy", "wp_page_copy"]);
    mprotect(m.task, RAM, LENGTH, Prot.read);
    expect(advise(m, Madv.populateWrite)).toMatchObject({ errno: "EINVAL" });
  });
});

describe("MADV_HWPOISON", () => {
  test("unmaps the page everywhere, and tells whoever comes", () => {
    const m = anon();
    const { pfn } = m.accesses(RAM, 1)[0]!;
    expect(madvise(m.task, RAM, PAGE_SIZE, Madv.hwpoison)).toBe(0);
    expect(sites(m)).toEqual(["try_to_unmap_one"]);
    expect(m.host.frames.test(pfn, PageFlag.hwpoison)).toBe(true);
    expect(hostAccess(m.task, RAM)).toEqual({ signal: "SIGBUS", code: "BUS_MCEERR_AR" });
    advise(m, Madv.dontneed);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
  });

  test("of a memfd's page is remembered by the file", () => {
    const m = memfd(MapFlag.shared);
    expect(madvise(m.task, RAM, PAGE_SIZE, Madv.hwpoison)).toBe(0);
    advise(m, Madv.dontneed);
    expect(hostAccess(m.task, RAM)).toMatchObject({ signal: "SIGBUS" });
  });
});

test("MADV_SOFT_OFFLINE replaces the page, and never uses the old one again", () => {
  const m = anon();
  const { pfn } = m.accesses(RAM, 1)[0]!;
  expect(madvise(m.task, RAM, PAGE_SIZE, Madv.softOffline)).toBe(0);
  expect(sites(m)).toEqual(["try_to_migrate_one"]);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 4 });
  expect(m.accesses(RAM, 1)[0]!.pfn).not.toBe(pfn);
  expect(m.host.frames.test(pfn, PageFlag.hwpoison)).toBe(true);
});

test("a sealed mapping that may not be written keeps its contents", () => {
  const m = anon();
  mprotect(m.task, RAM, LENGTH, Prot.read);
  mseal(m.task, RAM, LENGTH, 0);
  expect(advise(m, Madv.dontneed)).toMatchObject({ errno: "EPERM" });
  expect(advise(m, Madv.cold)).toBe(0);
});

test("an advice over a hole does the rest, and says so", () => {
  const m = anon();
  expect(madvise(m.task, RAM, 4 * PAGE_SIZE, Madv.dontneed)).toMatchObject({ errno: "ENOMEM" });
  expect(m.accesses(RAM, 2)).toEqual([null, null]);
  expect(madvise(m.task, RAM, LENGTH, 77)).toMatchObject({ errno: "EINVAL" });
});
