import { expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { MpolMf } from "../queue-pages.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { movePages } from "../syscalls/migrate.js";
import { Machine } from "../testing/machine.js";
import { ksmCounters, ksmRun } from "./scan.js";

const RAM = 0x2000_0000_0000;
const LENGTH = 4 * PAGE_SIZE;

function merged(): Machine {
  const m = new Machine();
  m.mapAnon(RAM, LENGTH);
  for (let page = 0; page < 4; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 7);
  madvise(m.task, RAM, LENGTH, Madv.mergeable);
  m.notifier.take();
  expect(ksmRun(m.host, 1)).toEqual({ pagesShared: 0, pagesSharing: 0 });
  expect(m.notifier.take()).toEqual([]);
  expect(ksmRun(m.host, 1)).toEqual({ pagesShared: 1, pagesSharing: 3 });
  return m;
}

const frames = (m: Machine) => new Set(m.accesses(RAM, 4).map((access) => access!.pfn));

test("pages that did not change between two scans become one, each write-protected first", () => {
  const m = merged();
  expect(frames(m).size).toBe(1);
  const raised = m.notifier.take().map(({ site, start }) => `${site} ${(start - RAM) / PAGE_SIZE}`);
  // The second page becomes the merged one, and takes the first one's place.
  expect(raised).toEqual([
    "write_protect_page 1",
    "write_protect_page 0",
    "replace_page 0",
    "write_protect_page 2",
    "replace_page 2",
    "write_protect_page 3",
    "replace_page 3",
  ]);
});

test("a write gives a page of one's own again", () => {
  const m = merged();
  m.notifier.take();
  hostAccess(m.task, RAM, 8);
  expect(m.notifier.take().map(({ site }) => site)).toEqual(["wp_page_copy"]);
  expect(frames(m).size).toBe(2);
  expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 7 });
});

test("MADV_UNMERGEABLE copies every merged page", () => {
  const m = merged();
  madvise(m.task, RAM, LENGTH, Madv.unmergeable);
  expect(frames(m).size).toBe(4);
  expect(ksmCounters(m.host).pagesShared).toBe(1);
});

test("a merged page migrates with all of its mappings", () => {
  const m = merged();
  m.notifier.take();
  movePages(m.task, RAM, 1, PAGE_SIZE, 1, MpolMf.moveAll);
  expect(m.notifier.take().map(({ site }) => site)).toEqual(Array(4).fill("try_to_migrate_one"));
  const [frame] = frames(m);
  expect([frames(m).size, m.host.frames.nodeOf(frame!)]).toEqual([1, 1]);
});

test("a merged page that has migrated takes in more pages where it is", () => {
  const m = merged();
  movePages(m.task, RAM, 1, PAGE_SIZE, 1, MpolMf.moveAll);
  hostAccess(m.task, RAM, 8);
  hostAccess(m.task, RAM, 7);
  expect(frames(m).size).toBe(2);
  expect(ksmRun(m.host, 2)).toEqual({ pagesShared: 1, pagesSharing: 3 });
  const [frame] = frames(m);
  expect([frames(m).size, m.host.frames.nodeOf(frame!)]).toEqual([1, 1]);
});
