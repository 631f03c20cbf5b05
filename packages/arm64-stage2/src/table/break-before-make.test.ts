import { Store } from "@kvmm/interleave";
import { expect, test } from "vitest";
import { ipa, pa } from "../address.js";
import { Prot } from "../descriptor/prot.js";
import { getVtcr } from "../geometry/vtcr.js";
import { machine } from "../machine.js";
import { Stage2 } from "../stage2.js";
import { NO_TLB } from "../tlb.js";
import { Walk } from "../walk/flags.js";
import { BreakBeforeMake } from "./break-before-make.js";
import { MemoryCache } from "./memory-cache.js";
import type { TablePage } from "./table-page.js";

/** Tables with one page mapped at 0, and the entry that maps it. */
function watched(options: { readonly deaf?: boolean } = {}) {
  const store = new Store();
  const m = machine();
  const bbm = new BreakBeforeMake();
  const tlb = options.deaf === true ? NO_TLB : bbm.tlb;
  const pgt = new Stage2({ store, machine: m, vtcr: getVtcr(m, 5n, 0n, 40), tlb });
  bbm.watch(pgt);
  pgt.init();
  pgt.map(ipa(0), 4096, pa(0x8000_0000), Prot.RW, new MemoryCache(store, "cache", 2));
  let leaf: [TablePage, number] | undefined;
  pgt.walk(ipa(0), 4096, Walk.LEAF, ({ page, index }) => {
    leaf = [page, index];
    return 0;
  });
  const [page, index] = leaf!;
  const lo = page.read(index, false);
  return { bbm, pgt, page, index, lo, hi: page.hi };
}

test("good: permissions and the access flag change in place", () => {
  const { bbm, page, index, lo, hi } = watched();
  page.write(index, lo ^ 0x4c0, hi, false);
  bbm.settle();
  expect(bbm.violations).toEqual([]);
});

test("bad: the address or the memory type changes in place", () => {
  const { bbm, page, index, lo, hi } = watched();
  page.write(index, lo + 0x1000, hi, false);
  page.write(index, lo + 0x1000 - 0x4, hi, false);
  expect(bbm.violations).toEqual([
    "the level 3 entry of 0x0 changes its address or type while it is valid",
    "the level 3 entry of 0x0 changes its memory type while it is valid",
  ]);
});

test("bad: another takes the place of what is still in the TLBs", () => {
  const { bbm, page, index, lo, hi } = watched();
  page.write(index, 0, 0, false);
  page.write(index, lo + 0x1000, hi, false);
  expect(bbm.violations).toEqual([
    "the level 3 entry of 0x0 is still in the TLBs when another takes its place",
  ]);
});

test("bad: an unmap whose TLB invalidations are lost", () => {
  const { bbm, pgt } = watched({ deaf: true });
  pgt.unmap(ipa(0), 4096);
  bbm.settle();
  expect(bbm.violations).toContain("the level 3 entry of 0x0 is still in the TLBs when the operation ends");
});

test("bad: an invalidation for the wrong level, or the wrong page", () => {
  const { bbm, page, index } = watched();
  page.write(index, 0, 0, false);
  bbm.tlb.flushVmidIpa(ipa(0), 2);
  bbm.tlb.flushVmidIpa(ipa(0x1000), 3);
  bbm.tlb.flushVmidRange(ipa(0x1000), 8);
  bbm.settle();
  expect(bbm.violations.length).toBe(1);
});
