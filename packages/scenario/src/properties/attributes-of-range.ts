import { memoryAttributes, rangeHasMemoryAttributes } from "@kvmm/kvm-memslots";
import type { Property } from "./property.js";

/** Pages of a slot that are looked at. */
const MOST_PAGES = 4096;

/** A range has some attributes just when each of its pages has. */
export const attributesOfRange: Property = {
  name: "a range's memory attributes are those of its pages",
  settled: true,
  broken(kvm) {
    if (kvm.mmu.traits.memoryAttributes !== true) return undefined;
    for (const slot of kvm.peekMemslots().peek()) {
      const end = slot.baseGfn + Math.min(slot.npages, MOST_PAGES);
      let none = true;
      for (let gfn = slot.baseGfn; gfn < end && none; gfn++) none = memoryAttributes(kvm, gfn) === 0;
      if (rangeHasMemoryAttributes(kvm, slot.baseGfn, end, 0) === none) continue;
      return `no page of ${slot} has attributes, but asked for as a range they are not all without`;
    }
    return undefined;
  },
};
