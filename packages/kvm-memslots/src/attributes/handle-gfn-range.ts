import { nameFunctions } from "@kvmm/interleave";
import type { Kvm } from "../kvm.js";
import type { GfnRange } from "../mmu/gfn-range.js";
import type { Gfn } from "../slots/memslot.js";

/** What is done to the guest memory in a range of gfns. */
interface GfnWalk {
  readonly start: Gfn;
  /** Exclusive. */
  readonly end: Gfn;
  /** Called once, after mmu_lock was taken at the first memslot. */
  readonly onLock: (kvm: Kvm) => void;
  readonly handler: (range: GfnRange) => boolean;
  readonly flushOnRet: boolean;
}

/** kvm_handle_gfn_range(): under slots_lock; like kvm_handle_hva_range(), but by guest address. */
export function handleGfnRange(kvm: Kvm, { start, end, onLock, handler, flushOnRet }: GfnWalk): void {
  let foundMemslot = false;
  let flush = false;
  for (let asId = 0; asId < kvm.mmu.traits.addressSpaces; asId++) {
    for (const slot of kvm.memslots(asId).gfnTree.overlapping(start, end)) {
      if (!foundMemslot) {
        foundMemslot = true;
        kvm.mmuLock.writeLock();
        onLock(kvm);
      }
      const range: GfnRange = {
        slot,
        start: Math.max(start, slot.baseGfn),
        end: Math.min(end, slot.endGfn),
        mayBlock: true,
        lockless: false,
        attrFilter: "shared",
      };
      flush = handler(range) || flush;
    }
  }
  if (flushOnRet && flush) kvm.mmu.flushRemoteTlbs();
  if (foundMemslot) kvm.mmuLock.writeUnlock();
}

nameFunctions({
  kvm_handle_gfn_range: handleGfnRange,
});
