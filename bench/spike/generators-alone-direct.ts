// (c) Generators that yield at each access when they are explored, and make it themselves when they run alone.
import { add } from "@kvmm/interleave";
import {
  enterLoop,
  enterSrcu,
  increase,
  leaveSrcu,
  lock,
  type Path,
  read,
  readLock,
  readUnlock,
  readWord,
  retryLoop,
  unlock,
  write,
  writeLock,
  writeUnlock,
  writeWord,
} from "./request.js";
import { GFN, LEAF_LEVEL, TABLE, type World } from "./world.js";

const AGAIN = Symbol("again");

export function* handleGuestAbort(w: World): Path<string> {
  const section = w.exploring ? ((yield enterSrcu(w.srcu)) as number) : w.srcu.readLock();
  if (w.exploring) yield read(w.slots);
  else w.slots.get();
  if (w.exploring) yield enterLoop();
  let result = yield* userMemAbort(w);
  while (result === AGAIN) {
    if (w.exploring) yield retryLoop();
    result = yield* userMemAbort(w);
  }
  if (w.exploring) yield leaveSrcu(w.srcu, section);
  else w.srcu.readUnlock(section);
  return result as string;
}

function* userMemAbort(w: World): Path<string | typeof AGAIN> {
  const { shift, sample } = yield* getVmaInfo(w);
  const pfn = yield* pinPfn(w);
  return yield* faultMap(w, shift, pfn, sample);
}

function* getVmaInfo(w: World): Path<{ shift: number; sample: number }> {
  if (w.exploring) yield readLock(w.mmapLock);
  else w.mmapLock.readLock();
  const shift = w.exploring ? ((yield read(w.vmaShift)) as number) : w.vmaShift.get();
  const sample = w.exploring ? ((yield read(w.seq)) as number) : w.seq.get();
  if (w.exploring) yield readUnlock(w.mmapLock);
  else w.mmapLock.readUnlock();
  return { shift, sample };
}

function* pinPfn(w: World): Path<number> {
  return yield* faultinPfn(w);
}

function* faultinPfn(w: World): Path<number> {
  return yield* hvaToPfn(w);
}

function* hvaToPfn(w: World): Path<number> {
  return yield* getUserPages(w);
}

function* getUserPages(w: World): Path<number> {
  return (yield* followPage(w)) || (yield* handleMmFault(w));
}

function* followPage(w: World): Path<number> {
  return w.exploring ? ((yield readWord(w.pte, GFN)) as number) : w.pte.get(GFN);
}

function* handleMmFault(w: World): Path<number> {
  if (w.exploring) yield readLock(w.mmapLock);
  else w.mmapLock.readLock();
  if (w.exploring) yield lock(w.ptl);
  else w.ptl.lock();
  let pfn = w.exploring ? ((yield readWord(w.pte, GFN)) as number) : w.pte.get(GFN);
  if (pfn === 0) {
    pfn = w.exploring ? ((yield increase(w.lastPfn, 1)) as number) : add(w.lastPfn, 1);
    if (w.exploring) yield writeWord(w.pte, GFN, pfn);
    else w.pte.set(GFN, pfn);
  }
  if (w.exploring) yield unlock(w.ptl);
  else w.ptl.unlock();
  if (w.exploring) yield readUnlock(w.mmapLock);
  else w.mmapLock.readUnlock();
  return pfn;
}

function* faultMap(w: World, shift: number, pfn: number, sample: number): Path<string | typeof AGAIN> {
  if (w.exploring) yield readLock(w.mmuLock);
  else w.mmuLock.readLock();
  const stale = yield* invalidateRetry(w, sample);
  if (!stale) yield* pgtableStage2Map(w, shift, pfn);
  if (w.exploring) yield readUnlock(w.mmuLock);
  else w.mmuLock.readUnlock();
  return stale ? AGAIN : "mapped";
}

function* invalidateRetry(w: World, sample: number): Path<boolean> {
  if (
    (w.exploring ? ((yield read(w.inProgress)) as number) : w.inProgress.get()) > 0 &&
    (w.exploring ? ((yield read(w.rangeStart)) as number) : w.rangeStart.get()) <= GFN &&
    GFN < (w.exploring ? ((yield read(w.rangeEnd)) as number) : w.rangeEnd.get())
  ) {
    return true;
  }
  return (w.exploring ? yield read(w.seq) : w.seq.get()) !== sample;
}

function* pgtableStage2Map(w: World, shift: number, pfn: number): Path<void> {
  if (shift === 12) yield* pgtableWalk(w, pfn);
}

function* pgtableWalk(w: World, pfn: number): Path<void> {
  yield* visit(w, 0, pfn);
}

function* visit(w: World, level: number, pfn: number): Path<void> {
  if (level === LEAF_LEVEL) yield* mapWalkLeaf(w, pfn);
  else if ((w.exploring ? yield readWord(w.tables[level]!, 0) : w.tables[level]!.get(0)) === TABLE)
    yield* visit(w, level + 1, pfn);
}

function* mapWalkLeaf(w: World, pfn: number): Path<void> {
  const table = w.tables[LEAF_LEVEL]!;
  if ((w.exploring ? yield readWord(table, GFN) : table.get(GFN)) !== pfn) {
    if (w.exploring) yield writeWord(table, GFN, pfn);
    else table.set(GFN, pfn);
  }
}

export function* unmapPage(w: World): Path<void> {
  if (w.exploring) yield writeLock(w.mmapLock);
  else w.mmapLock.writeLock();
  yield* invalidateRangeStart(w);
  yield* clearPte(w);
  yield* invalidateRangeEnd(w);
  if (w.exploring) yield writeUnlock(w.mmapLock);
  else w.mmapLock.writeUnlock();
}

function* clearPte(w: World): Path<void> {
  if (w.exploring) yield lock(w.ptl);
  else w.ptl.lock();
  if (w.exploring) yield writeWord(w.pte, GFN, 0);
  else w.pte.set(GFN, 0);
  if (w.exploring) yield unlock(w.ptl);
  else w.ptl.unlock();
}

function* invalidateRangeStart(w: World): Path<void> {
  yield* handleHvaRange(w);
}

function* handleHvaRange(w: World): Path<void> {
  if (w.exploring) yield writeLock(w.mmuLock);
  else w.mmuLock.writeLock();
  if (w.exploring) yield increase(w.inProgress, 1);
  else add(w.inProgress, 1);
  if (w.exploring) yield write(w.rangeStart, GFN);
  else w.rangeStart.set(GFN);
  if (w.exploring) yield write(w.rangeEnd, GFN + 1);
  else w.rangeEnd.set(GFN + 1);
  yield* unmapGfnRange(w);
  if (w.exploring) yield writeUnlock(w.mmuLock);
  else w.mmuLock.writeUnlock();
}

function* unmapGfnRange(w: World): Path<void> {
  yield* unmapStage2Range(w);
}

function* unmapStage2Range(w: World): Path<void> {
  yield* unmapVisit(w, 0);
}

function* unmapVisit(w: World, level: number): Path<void> {
  const table = w.tables[level]!;
  if (level < LEAF_LEVEL) {
    if ((w.exploring ? yield readWord(table, 0) : table.get(0)) === TABLE) yield* unmapVisit(w, level + 1);
  } else if ((w.exploring ? yield readWord(table, GFN) : table.get(GFN)) !== 0) {
    if (w.exploring) yield writeWord(table, GFN, 0);
    else table.set(GFN, 0);
  }
}

function* invalidateRangeEnd(w: World): Path<void> {
  if (w.exploring) yield writeLock(w.mmuLock);
  else w.mmuLock.writeLock();
  if (w.exploring) yield increase(w.seq, 1);
  else add(w.seq, 1);
  if (w.exploring) yield increase(w.inProgress, -1);
  else add(w.inProgress, -1);
  if (w.exploring) yield writeUnlock(w.mmuLock);
  else w.mmuLock.writeUnlock();
}
