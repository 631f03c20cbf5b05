import { Arm64Mmu } from "@kvmm/arm64-stage2";
import { type Gfn, type Kvm, ReferenceMmu } from "@kvmm/kvm-memslots";
import { PAGE_SIZE } from "@kvmm/mm-core";
import type { Property } from "./property.js";

/** Pages of a slot that are looked at. */
const MOST_PAGES = 4096;

/**
 * What dirty logging is there for: the guest can write to a page of a logged slot without a fault only while its bit
 * is set. Where it is not, the first write after the log was read is never told of.
 */
export const noLostDirtyBit: Property = {
  name: "no lost dirty bit",
  settled: true,
  broken(kvm) {
    for (const { dirtyBitmap, baseGfn, npages, slotId } of kvm.peekMemslots().peek()) {
      if (dirtyBitmap === null) continue;
      for (let page = 0; page < Math.min(npages, MOST_PAGES); page++) {
        if (dirtyBitmap.peek(page) || !isWritable(kvm, baseGfn + page)) continue;
        return `page ${page} of slot ${slotId} is clean in the dirty log, and the guest can write to it without a fault`;
      }
    }
    return undefined;
  },
};

function isWritable({ mmu }: Kvm, gfn: Gfn): boolean {
  if (mmu instanceof Arm64Mmu) return mmu.peekLeaf(gfn * PAGE_SIZE)?.writable === true;
  return mmu instanceof ReferenceMmu && mmu.peek(gfn)?.writable === true;
}
