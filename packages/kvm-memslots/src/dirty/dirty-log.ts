import { nameFunctions } from "@kvmm/interleave";
import { hex, type Refusal, type Result, refuse } from "@kvmm/mm-core";
import { KVM_MEM_SLOTS_NUM } from "../flags.js";
import type { Kvm } from "../kvm.js";
import { type U64, u32, u64 } from "../slots/memory-region.js";
import type { Memslot } from "../slots/memslot.js";
import type { DirtyBitmap, PageRuns } from "./dirty-bitmap.js";
import { dirtyLogManualProtect } from "./dirty-log-modes.js";

const BITS_PER_LONG = 64;

/** Where the dirty bitmap is copied to or from; left out: memory that can be used. */
type BitmapPointer = U64 | undefined;

/** struct kvm_dirty_log */
export interface GetDirtyLog {
  readonly slot: U64;
  /** A pointer that points to nothing. */
  readonly dirtyBitmap?: U64;
}

/** struct kvm_clear_dirty_log */
export interface ClearDirtyLog {
  readonly slot: U64;
  readonly firstPage: U64;
  readonly numPages: U64;
  /** The bits that are set, as pages relative to the memslot (not to `firstPage`); or a pointer to nothing. */
  readonly dirtyBitmap: PageRuns | U64;
}

/** KVM_GET_DIRTY_LOG. @returns the pages written to, relative to the memslot's first */
export function getDirtyLog(kvm: Kvm, log: GetDirtyLog): Result<PageRuns> {
  kvm.slotsLock.lock();
  const result = getDirtyLogProtect(kvm, log);
  kvm.slotsLock.unlock();
  return result;
}

/** kvm_get_dirty_log_protect() */
function getDirtyLogProtect(kvm: Kvm, log: GetDirtyLog): Result<PageRuns> {
  const fn = "kvm_get_dirty_log_protect";
  const found = loggedSlot(kvm, fn, u32(log.slot));
  if (!("bitmap" in found)) return found;
  const { slot, bitmap } = found;
  kvm.mmu.syncDirtyLog(slot);
  const manual = dirtyLogManualProtect(kvm);
  let dirty: PageRuns;
  if (manual) dirty = bitmap.runs(0, slot.npages);
  else {
    kvm.mmuLock.writeLock();
    dirty = bitmap.runs(0, slot.npages);
    for (const pages of words(dirty)) {
      for (const page of pages) bitmap.clear(page);
      kvm.mmu.enableLogDirty(slot, pages);
    }
    kvm.mmuLock.writeUnlock();
    if (dirty.length > 0) kvm.mmu.flushRemoteTlbsRange(slot.baseGfn, slot.npages);
  }
  return badPointer(fn, log.dirtyBitmap) ?? dirty;
}

/** KVM_CLEAR_DIRTY_LOG: with manual protection, what makes pages tell of writes again. */
export function clearDirtyLog(kvm: Kvm, log: ClearDirtyLog): Result<0> {
  kvm.slotsLock.lock();
  const result = clearDirtyLogProtect(kvm, log);
  kvm.slotsLock.unlock();
  return result;
}

/** kvm_clear_dirty_log_protect() */
function clearDirtyLogProtect(kvm: Kvm, log: ClearDirtyLog): Result<0> {
  const fn = "kvm_clear_dirty_log_protect";
  const firstPage = u64(log.firstPage);
  const numPages = BigInt(u32(log.numPages));
  const wrongSlot = slotNumber(kvm, fn, u32(log.slot));
  if (wrongSlot !== undefined) return wrongSlot;
  if (firstPage % BigInt(BITS_PER_LONG) !== 0n) {
    return refuse("EINVAL", fn, `first_page ${firstPage}`, "a multiple of 64");
  }
  const found = loggedSlot(kvm, fn, u32(log.slot));
  if (!("bitmap" in found)) return found;
  const { slot, bitmap } = found;
  const left = BigInt(slot.npages) - firstPage;
  if (left < 0n || numPages > left) {
    const reason = `first_page ${firstPage} + num_pages ${numPages} in a memslot of ${slot.npages} pages`;
    return refuse("EINVAL", fn, reason, "pages within the memslot");
  }
  if (numPages < left && numPages % BigInt(BITS_PER_LONG) !== 0n) {
    const reason = `num_pages ${numPages} from page ${firstPage} on, which is not up to the memslot's end`;
    return refuse("EINVAL", fn, reason, `a multiple of 64, or ${left}`);
  }
  kvm.mmu.syncDirtyLog(slot);
  const asked = log.dirtyBitmap;
  if (numPages === 0n) return 0;
  if (typeof asked !== "object") return badPointer(fn, asked) ?? 0;

  let flush = false;
  kvm.mmuLock.writeLock();
  for (const [first, end] of asked) {
    const from = Math.max(first, Number(firstPage));
    const to = Math.min(end, Number(firstPage + numPages));
    if (from >= to) continue;
    for (const pages of words(bitmap.runs(from, to))) {
      flush = true;
      for (const page of pages) bitmap.clear(page);
      kvm.mmu.enableLogDirty(slot, pages);
    }
  }
  kvm.mmuLock.writeUnlock();
  if (flush) kvm.mmu.flushRemoteTlbsRange(slot.baseGfn, slot.npages);
  return 0;
}

/** The pages of one word of the bitmap after the other. */
function* words(runs: PageRuns): Generator<number[]> {
  let word = -1;
  let pages: number[] = [];
  for (const [first, end] of runs) {
    for (let page = first; page < end; page++) {
      const its = Math.floor(page / BITS_PER_LONG);
      if (its !== word && pages.length > 0) {
        yield pages;
        pages = [];
      }
      word = its;
      pages.push(page);
    }
  }
  if (pages.length > 0) yield pages;
}

function slotNumber(kvm: Kvm, fn: string, slot: number): Refusal | undefined {
  const { addressSpaces, internalSlots } = kvm.mmu.traits;
  const userSlots = KVM_MEM_SLOTS_NUM - internalSlots;
  if (slot >>> 16 < addressSpaces && (slot & 0xffff) < userSlots) return undefined;
  return refuse(
    "EINVAL",
    fn,
    `slot ${hex(slot)}`,
    `ids below ${userSlots}, address spaces below ${addressSpaces}`,
  );
}

/** The memslot with its bitmap. */
function loggedSlot(kvm: Kvm, fn: string, number: number): { slot: Memslot; bitmap: DirtyBitmap } | Refusal {
  const wrong = slotNumber(kvm, fn, number);
  if (wrong !== undefined) return wrong;
  const slot = kvm.memslots(number >>> 16).byId(number & 0xffff);
  if (slot === undefined)
    return refuse(
      "ENOENT",
      fn,
      `there is no slot ${number & 0xffff}`,
      "a memslot with KVM_MEM_LOG_DIRTY_PAGES",
    );
  const { dirtyBitmap: bitmap } = slot;
  if (bitmap === null) {
    return refuse("ENOENT", fn, `${slot} is not logged`, "a memslot with KVM_MEM_LOG_DIRTY_PAGES");
  }
  return { slot, bitmap };
}

/** copy_to_user() and copy_from_user() of a bitmap. */
function badPointer(fn: string, pointer: BitmapPointer): Refusal | undefined {
  if (pointer === undefined) return undefined;
  return refuse(
    "EFAULT",
    fn,
    `no memory at dirty_bitmap ${hex(u64(pointer))}`,
    "memory for one bit for each page of the memslot",
  );
}

nameFunctions({
  kvm_get_dirty_log_protect: getDirtyLogProtect,
  kvm_clear_dirty_log_protect: clearDirtyLogProtect,
});
