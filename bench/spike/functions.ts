// (a) Ordinary functions on @kvmm/interleave: run alone a call, given to the explorer a thread.
import { AGAIN, add, repeat } from "@kvmm/interleave";
import { GFN, LEAF_LEVEL, TABLE, type World } from "./world.js";

export function handleGuestAbort(w: World): string {
  const section = w.srcu.readLock();
  w.slots.get();
  const result = repeat(w.store, "user_mem_abort", () => userMemAbort(w));
  w.srcu.readUnlock(section);
  return result;
}

function userMemAbort(w: World): string | typeof AGAIN {
  const { shift, sample } = getVmaInfo(w);
  const pfn = pinPfn(w);
  return faultMap(w, shift, pfn, sample);
}

function getVmaInfo(w: World): { shift: number; sample: number } {
  w.mmapLock.readLock();
  const shift = w.vmaShift.get();
  const sample = w.seq.get();
  w.mmapLock.readUnlock();
  return { shift, sample };
}

function pinPfn(w: World): number {
  return faultinPfn(w);
}

function faultinPfn(w: World): number {
  return hvaToPfn(w);
}

function hvaToPfn(w: World): number {
  return getUserPages(w);
}

function getUserPages(w: World): number {
  return followPage(w) || handleMmFault(w);
}

function followPage(w: World): number {
  return w.pte.get(GFN);
}

function handleMmFault(w: World): number {
  w.mmapLock.readLock();
  w.ptl.lock();
  let pfn = w.pte.get(GFN);
  if (pfn === 0) {
    pfn = add(w.lastPfn, 1);
    w.pte.set(GFN, pfn);
  }
  w.ptl.unlock();
  w.mmapLock.readUnlock();
  return pfn;
}

function faultMap(w: World, shift: number, pfn: number, sample: number): string | typeof AGAIN {
  w.mmuLock.readLock();
  const stale = invalidateRetry(w, sample);
  if (!stale) pgtableStage2Map(w, shift, pfn);
  w.mmuLock.readUnlock();
  return stale ? AGAIN : "mapped";
}

function invalidateRetry(w: World, sample: number): boolean {
  if (w.inProgress.get() > 0 && w.rangeStart.get() <= GFN && GFN < w.rangeEnd.get()) return true;
  return w.seq.get() !== sample;
}

function pgtableStage2Map(w: World, shift: number, pfn: number): void {
  if (shift === 12) pgtableWalk(w, pfn);
}

function pgtableWalk(w: World, pfn: number): void {
  visit(w, 0, pfn);
}

function visit(w: World, level: number, pfn: number): void {
  if (level === LEAF_LEVEL) mapWalkLeaf(w, pfn);
  else if (w.tables[level]!.get(0) === TABLE) visit(w, level + 1, pfn);
}

function mapWalkLeaf(w: World, pfn: number): void {
  const table = w.tables[LEAF_LEVEL]!;
  if (table.get(GFN) !== pfn) table.set(GFN, pfn);
}

export function unmapPage(w: World): void {
  w.mmapLock.writeLock();
  invalidateRangeStart(w);
  clearPte(w);
  invalidateRangeEnd(w);
  w.mmapLock.writeUnlock();
}

function clearPte(w: World): void {
  w.ptl.lock();
  w.pte.set(GFN, 0);
  w.ptl.unlock();
}

function invalidateRangeStart(w: World): void {
  handleHvaRange(w);
}

function handleHvaRange(w: World): void {
  w.mmuLock.writeLock();
  add(w.inProgress, 1);
  w.rangeStart.set(GFN);
  w.rangeEnd.set(GFN + 1);
  unmapGfnRange(w);
  w.mmuLock.writeUnlock();
}

function unmapGfnRange(w: World): void {
  unmapStage2Range(w);
}

function unmapStage2Range(w: World): void {
  unmapVisit(w, 0);
}

function unmapVisit(w: World, level: number): void {
  const table = w.tables[level]!;
  if (level < LEAF_LEVEL) {
    if (table.get(0) === TABLE) unmapVisit(w, level + 1);
  } else if (table.get(GFN) !== 0) table.set(GFN, 0);
}

function invalidateRangeEnd(w: World): void {
  w.mmuLock.writeLock();
  add(w.seq, 1);
  add(w.inProgress, -1);
  w.mmuLock.writeUnlock();
}
