import { expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";
import { UffdFeature } from "../userfaultfd/context.js";
import { close } from "./files.js";
import { PageIs, PmScan, pagemapScan } from "./pagemap-scan.js";
import {
  UffdRegister,
  UffdWriteprotect,
  uffdioApi,
  uffdioRegister,
  uffdioUnregister,
  uffdioWriteprotect,
  userfaultfd,
} from "./userfaultfd.js";

const RAM = 0x2000_0000_0000;
const LENGTH = 4 * PAGE_SIZE;

function machine(features: number): { m: Machine; fd: number } {
  const m = new Machine();
  m.mapAnon(RAM, LENGTH);
  for (let page = 0; page < 4; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, page);
  const fd = watch(m, RAM, LENGTH, UffdRegister.wp, features);
  m.notifier.take();
  return { m, fd };
}

const sites = (m: Machine) => m.notifier.take().map(({ site }) => site);
const scan = (m: Machine) =>
  pagemapScan(m.task, {
    start: RAM,
    length: LENGTH,
    flags: PmScan.wpMatching,
    categoryMask: PageIs.written,
    returnMask: PageIs.written,
    vecLen: 8,
  });

test("write protection is told to secondary MMUs when it begins and when it ends", () => {
  const { m, fd } = machine(0);
  ok(uffdioWriteprotect(m.task, fd, RAM, LENGTH, UffdWriteprotect.wp));
  expect(sites(m)).toEqual(["change_pud_range"]);
  expect(m.accesses(RAM, 4).every((access) => access?.write === false)).toBe(true);
  ok(uffdioUnregister(m.task, fd, RAM, LENGTH));
  expect(sites(m)).toEqual(["change_pud_range"]);
  expect(hostAccess(m.task, RAM, 9)).toEqual({ value: 9 });
});

test("closing the descriptor ends the registration", () => {
  const { m, fd } = machine(0);
  close(m.task, fd);
  expect(sites(m)).toEqual(["change_pud_range"]);
  expect(m.task.mm.vmas.peek().map((vma) => vma.peek().uffd)).toEqual([undefined]);
});

test("PAGEMAP_SCAN finds what was written since the last scan", () => {
  const { m } = machine(UffdFeature.wpAsync);
  expect(scan(m)).toBe(1);
  expect(sites(m)).toEqual(["do_pagemap_scan"]);
  expect(scan(m)).toBe(0);
  hostAccess(m.task, RAM, 7);
  hostAccess(m.task, RAM + 2 * PAGE_SIZE, 7);
  expect(scan(m)).toBe(2);
});

test("calls in the wrong order, and on what has no registration, are refused", () => {
  const m = new Machine();
  m.mapAnon(RAM, LENGTH);
  const fd = ok(userfaultfd(m.task, 0));
  expect(uffdioRegister(m.task, fd, RAM, LENGTH, UffdRegister.wp)).toMatchObject({ errno: "EINVAL" });
  ok(uffdioApi(m.task, fd, 0));
  expect(uffdioRegister(m.task, fd, RAM, LENGTH, UffdRegister.minor)).toMatchObject({ errno: "EINVAL" });
  expect(uffdioWriteprotect(m.task, fd, RAM, LENGTH, UffdWriteprotect.wp)).toMatchObject({ errno: "ENOENT" });
  ok(uffdioRegister(m.task, fd, RAM, LENGTH, UffdRegister.missing));
  const other = ok(userfaultfd(m.task, 0));
  ok(uffdioApi(m.task, other, 0));
  expect(uffdioRegister(m.task, other, RAM, LENGTH, UffdRegister.wp)).toMatchObject({ errno: "EBUSY" });
  expect(uffdioRegister(m.task, 0x99, RAM, LENGTH, UffdRegister.wp)).toMatchObject({ errno: "EBADF" });
});

test("ranges may lie up to where addresses end, far above what mmap() gives without being asked", () => {
  const { m, fd } = machine(0);
  const writeprotect = (start: number) =>
    uffdioWriteprotect(m.task, fd, start, PAGE_SIZE, UffdWriteprotect.wp);
  expect(writeprotect(2 ** 52 - PAGE_SIZE)).toMatchObject({ errno: "ENOENT", fn: "mwriteprotect_range" });
  for (const start of [2 ** 52, 2 ** 52 - PAGE_SIZE / 2, 2 ** 63])
    expect(writeprotect(start)).toMatchObject({ errno: "EINVAL" });
});
