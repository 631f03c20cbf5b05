import { hex, PAGE_SIZE } from "@kvmm/mm-core";
import { VALID } from "../descriptor/layout.js";
import { forEachEntry } from "../dump/entries.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/** A leaf that reaches beyond the memslots, if there is one: what it maps there is nobody's to give; not an access. */
export function outsideMemslots({ kvm, pgt }: Arm64Mmu): string | undefined {
  const slots = kvm.peekMemslots().peek();
  let found: string | undefined;
  forEachEntry(pgt, (level, ipa, lo, _hi, child) => {
    if (found !== undefined || child !== null || (lo & VALID) === 0) return;
    const end = ipa + pgt.geometry.sizes[level]!;
    let covered = ipa;
    for (const { baseGfn, endGfn } of slots) {
      if (baseGfn * PAGE_SIZE <= covered) covered = Math.max(covered, endGfn * PAGE_SIZE);
    }
    if (covered < end) found = `stage 2 maps ${hex(ipa)} to ${hex(end)}, and no memslot has ${hex(covered)}`;
  });
  return found;
}
