import { nameFunctions } from "@kvmm/interleave";
import { type Hva, hex, type NotifierEvent, PAGE_SIZE } from "@kvmm/mm-core";
import type { HvaWalk } from "../behaviour.js";
import type { Kvm } from "../kvm.js";
import type { GfnRange } from "../mmu/gfn-range.js";
import { hvaToGfnMemslot } from "../slots/memslot.js";
import { mmuInvalidateRangeAdd } from "./invalidate.js";

const FN = "kvm_handle_hva_range";

/** struct kvm_mmu_notifier_range: what is to be done to the guest memory behind a range of user addresses. */
export interface HvaRange {
  readonly start: Hva;
  /** Exclusive. */
  readonly end: Hva;
  readonly walk: HvaWalk;
  /** Called for each memslot in the range; null only if `onLock` is given. */
  readonly handler: ((kvm: Kvm, range: GfnRange) => boolean) | null;
  /** Called once, after mmu_lock was taken at the first memslot. */
  readonly onLock: ((kvm: Kvm) => void) | null;
  /** Flush the TLBs, still under mmu_lock, if a handler says so? */
  readonly flushOnRet: boolean;
  readonly mayBlock: boolean;
  /** Do without mmu_lock. */
  readonly lockless: boolean;
  /** Why the notifier was raised, for the handler. */
  readonly event?: NotifierEvent;
}

/** What {@link handleHvaRange} found. */
export interface HvaRangeResult {
  /** Did any handler return true? */
  readonly ret: boolean;
  readonly foundMemslot: boolean;
}

/**
 * kvm_handle_hva_range(): calls the handler for every memslot whose user memory overlaps the range. mmu_lock is taken
 * at the first one, so that a range without guest memory costs no lock.
 */
export function handleHvaRange(kvm: Kvm, range: HvaRange): HvaRangeResult {
  let ret = false;
  let foundMemslot = false;
  let ignores = false;
  if (range.end <= range.start) {
    kvm.host.warn(FN, `an empty range: ${hex(range.start)} to ${hex(range.end)}`);
    return { ret, foundMemslot };
  }
  if (range.onLock === null && range.handler === null) {
    kvm.host.warn(FN, "neither a handler nor on_lock");
    return { ret, foundMemslot };
  }
  if (range.lockless && range.onLock !== null) {
    kvm.host.warn(FN, "on_lock in a lockless walk");
    return { ret, foundMemslot };
  }

  const idx = kvm.srcu.readLock();
  const { addressSpaces } = kvm.mmu.traits;
  walk: for (let asId = 0; asId < addressSpaces; asId++) {
    for (const slot of kvm.memslots(asId).hvaTree.overlapping(range.start, range.end)) {
      const decision = kvm.behaviour.slotInHvaRange(slot, range.walk);
      if (decision === "ignore") {
        ignores = true;
        kvm.store.trace(FN, () => `${slot} overlaps, and is ignored`);
        continue;
      }
      if (!foundMemslot) {
        foundMemslot = true;
        if (!range.lockless) {
          kvm.mmuLock.writeLock();
          range.onLock?.(kvm);
          if (range.handler === null) {
            kvm.store.trace(FN, () => `${slot} overlaps: mmu_lock was taken, and there is no more to do`);
            break walk;
          }
        }
      }
      const hvaStart = Math.max(range.start, slot.userspaceAddr);
      const hvaEnd = Math.min(range.end, slot.userspaceEnd);
      const start = hvaToGfnMemslot(hvaStart, slot);
      const end = hvaToGfnMemslot(hvaEnd + PAGE_SIZE - 1, slot);
      kvm.store.trace(FN, () => {
        const what = decision === "handle" ? "handled" : `not handled (${decision})`;
        return `${slot} overlaps: gfn ${hex(start)} to ${hex(end)} ${what}`;
      });
      if (decision === "handle") {
        const { mayBlock, lockless, event } = range;
        const used = range.handler!(kvm, {
          slot,
          start,
          end,
          mayBlock,
          lockless,
          attrFilter: "shared",
          ...(event === undefined ? {} : { event }),
        });
        ret = used || ret;
      } else if (decision === "lock-and-range" && range.walk === "invalidate") {
        mmuInvalidateRangeAdd(kvm, start, end);
      }
    }
  }
  if (!foundMemslot) {
    kvm.store.trace(FN, () => {
      const where = ignores ? "" : `no memslot in ${hex(range.start)} to ${hex(range.end)}: `;
      return `${where}mmu_lock is not taken`;
    });
  }
  if (range.flushOnRet && ret) kvm.mmu.flushRemoteTlbs();
  if (foundMemslot && !range.lockless) kvm.mmuLock.writeUnlock();
  kvm.srcu.readUnlock(idx);
  return { ret, foundMemslot };
}

nameFunctions({
  kvm_handle_hva_range: handleHvaRange,
});
