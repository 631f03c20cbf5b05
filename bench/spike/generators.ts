// (b) Generators that yield at each access, alone as well.
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
  const section = (yield enterSrcu(w.srcu)) as number;
  yield read(w.slots);
  yield enterLoop();
  let result = yield* userMemAbort(w);
  while (result === AGAIN) {
    yield retryLoop();
    result = yield* userMemAbort(w);
  }
  yield leaveSrcu(w.srcu, section);
  return result as string;
}

function* userMemAbort(w: World): Path<string | typeof AGAIN> {
  const { shift, sample } = yield* getVmaInfo(w);
  const pfn = yield* pinPfn(w);
  return yield* faultMap(w, shift, pfn, sample);
}

function* getVmaInfo(w: World): Path<{ shift: number; sample: number }> {
  yield readLock(w.mmapLock);
  const shift = (yield read(w.vmaShift)) as number;
  const sample = (yield read(w.seq)) as number;
  yield readUnlock(w.mmapLock);
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
  return (yield readWord(w.pte, GFN)) as number;
}

function* handleMmFault(w: World): Path<number> {
  yield readLock(w.mmapLock);
  yield lock(w.ptl);
  let pfn = (yield readWord(w.pte, GFN)) as number;
  if (pfn === 0) {
    pfn = (yield increase(w.lastPfn, 1)) as number;
    yield writeWord(w.pte, GFN, pfn);
  }
  yield unlock(w.ptl);
  yield readUnlock(w.mmapLock);
  return pfn;
}

function* faultMap(w: World, shift: number, pfn: number, sample: number): Path<string | typeof AGAIN> {
  yield readLock(w.mmuLock);
  const stale = yield* invalidateRetry(w, sample);
  if (!stale) yield* pgtableStage2Map(w, shift, pfn);
  yield readUnlock(w.mmuLock);
  return stale ? AGAIN : "mapped";
}

function* invalidateRetry(w: World, sample: number): Path<boolean> {
  if (
    ((yield read(w.inProgress)) as number) > 0 &&
    ((yield read(w.rangeStart)) as number) <= GFN &&
    GFN < ((yield read(w.rangeEnd)) as number)
  ) {
    return true;
  }
  return (yield read(w.seq)) !== sample;
}

function* pgtableStage2Map(w: World, shift: number, pfn: number): Path<void> {
  if (shift === 12) yield* pgtableWalk(w, pfn);
}

function* pgtableWalk(w: World, pfn: number): Path<void> {
  yield* visit(w, 0, pfn);
}

function* visit(w: World, level: number, pfn: number): Path<void> {
  if (level === LEAF_LEVEL) yield* mapWalkLeaf(w, pfn);
  else if ((yield readWord(w.tables[level]!, 0)) === TABLE) yield* visit(w, level + 1, pfn);
}

function* mapWalkLeaf(w: World, pfn: number): Path<void> {
  const table = w.tables[LEAF_LEVEL]!;
  if ((yield readWord(table, GFN)) !== pfn) yield writeWord(table, GFN, pfn);
}

export function* unmapPage(w: World): Path<void> {
  yield writeLock(w.mmapLock);
  yield* invalidateRangeStart(w);
  yield* clearPte(w);
  yield* invalidateRangeEnd(w);
  yield writeUnlock(w.mmapLock);
}

function* clearPte(w: World): Path<void> {
  yield lock(w.ptl);
  yield writeWord(w.pte, GFN, 0);
  yield unlock(w.ptl);
}

function* invalidateRangeStart(w: World): Path<void> {
  yield* handleHvaRange(w);
}

function* handleHvaRange(w: World): Path<void> {
  yield writeLock(w.mmuLock);
  yield increase(w.inProgress, 1);
  yield write(w.rangeStart, GFN);
  yield write(w.rangeEnd, GFN + 1);
  yield* unmapGfnRange(w);
  yield writeUnlock(w.mmuLock);
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
    if ((yield readWord(table, 0)) === TABLE) yield* unmapVisit(w, level + 1);
  } else if ((yield readWord(table, GFN)) !== 0) yield writeWord(table, GFN, 0);
}

function* invalidateRangeEnd(w: World): Path<void> {
  yield writeLock(w.mmuLock);
  yield increase(w.seq, 1);
  yield increase(w.inProgress, -1);
  yield writeUnlock(w.mmuLock);
}
