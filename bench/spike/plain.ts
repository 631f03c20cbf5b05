// The same calls on plain fields, without a store: what ordinary code costs.
export class PlainWorld {
  readers = 0;
  slots = 1;
  mmapReaders = 0;
  mmapWriter = false;
  vmaShift = 12;
  ptl = false;
  readonly pte = new Uint32Array(4);
  lastPfn = 0;
  mmuReaders = 0;
  mmuWriter = false;
  seq = 0;
  inProgress = 0;
  rangeStart = 0;
  rangeEnd = 0;
  readonly tables = [0, 1, 2, 3].map((level) => new Uint32Array(4).fill(level < 3 ? 3 : 0, 0, 1));
}

const AGAIN = Symbol("again");

export function handleGuestAbort(w: PlainWorld): string {
  w.readers++;
  if (w.slots === 0) throw new Error("no slots");
  for (;;) {
    const result = userMemAbort(w);
    if (result === AGAIN) continue;
    w.readers--;
    return result as string;
  }
}

function userMemAbort(w: PlainWorld): string | typeof AGAIN {
  const { shift, sample } = getVmaInfo(w);
  const pfn = pinPfn(w);
  return faultMap(w, shift, pfn, sample);
}

function getVmaInfo(w: PlainWorld): { shift: number; sample: number } {
  if (w.mmapWriter) throw new Error("mmap_lock");
  w.mmapReaders++;
  const shift = w.vmaShift;
  const sample = w.seq;
  w.mmapReaders--;
  return { shift, sample };
}

function pinPfn(w: PlainWorld): number {
  return faultinPfn(w);
}

function faultinPfn(w: PlainWorld): number {
  return hvaToPfn(w);
}

function hvaToPfn(w: PlainWorld): number {
  return getUserPages(w);
}

function getUserPages(w: PlainWorld): number {
  return w.pte[2]! || handleMmFault(w);
}

function handleMmFault(w: PlainWorld): number {
  if (w.mmapWriter) throw new Error("mmap_lock");
  w.mmapReaders++;
  if (w.ptl) throw new Error("pte lock");
  w.ptl = true;
  let pfn = w.pte[2]!;
  if (pfn === 0) w.pte[2] = pfn = ++w.lastPfn;
  w.ptl = false;
  w.mmapReaders--;
  return pfn;
}

function faultMap(w: PlainWorld, shift: number, pfn: number, sample: number): string | typeof AGAIN {
  if (w.mmuWriter) throw new Error("mmu_lock");
  w.mmuReaders++;
  const stale = invalidateRetry(w, sample);
  if (!stale) pgtableStage2Map(w, shift, pfn);
  w.mmuReaders--;
  return stale ? AGAIN : "mapped";
}

function invalidateRetry(w: PlainWorld, sample: number): boolean {
  if (w.inProgress > 0 && w.rangeStart <= 2 && 2 < w.rangeEnd) return true;
  return w.seq !== sample;
}

function pgtableStage2Map(w: PlainWorld, shift: number, pfn: number): void {
  if (shift === 12) visit(w, 0, pfn);
}

function visit(w: PlainWorld, level: number, pfn: number): void {
  const table = w.tables[level]!;
  if (level === 3) {
    if (table[2] !== pfn) table[2] = pfn;
  } else if (table[0] === 3) visit(w, level + 1, pfn);
}

export function unmapPage(w: PlainWorld): void {
  if (w.mmapWriter || w.mmapReaders > 0) throw new Error("mmap_lock");
  w.mmapWriter = true;
  invalidateRangeStart(w);
  if (w.ptl) throw new Error("pte lock");
  w.pte[2] = 0;
  invalidateRangeEnd(w);
  w.mmapWriter = false;
}

function invalidateRangeStart(w: PlainWorld): void {
  if (w.mmuWriter || w.mmuReaders > 0) throw new Error("mmu_lock");
  w.mmuWriter = true;
  w.inProgress++;
  w.rangeStart = 2;
  w.rangeEnd = 3;
  unmapVisit(w, 0);
  w.mmuWriter = false;
}

function unmapVisit(w: PlainWorld, level: number): void {
  const table = w.tables[level]!;
  if (level === 3) table[2] = 0;
  else if (table[0] === 3) unmapVisit(w, level + 1);
}

function invalidateRangeEnd(w: PlainWorld): void {
  if (w.mmuWriter || w.mmuReaders > 0) throw new Error("mmu_lock");
  w.mmuWriter = true;
  w.seq++;
  w.inProgress--;
  w.mmuWriter = false;
}
