import type { Ipa, Pa } from "../address.js";
import { lowerHalf, upperHalf } from "../descriptor/halves.js";
import { S2AP_W, VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import type { Stage2 } from "../stage2.js";
import { isLocked } from "../walk/entry.js";

/** What stage 2 has for an address. */
export interface PeekedLeaf {
  readonly pa: Pa;
  readonly writable: boolean;
  readonly level: number;
}

/** Where a write through stage 2 would end as the tables are now. */
export type PeekedWrite =
  | { readonly pa: Pa; readonly level: number }
  | {
      readonly fault: "translation" | "permission";
      readonly level: number;
      /** Between break and make: the entry is about to be replaced (KVM_INVALID_PTE_LOCKED). */
      readonly isBeingReplaced: boolean;
    };

/** The leaf that maps an address, as it is, or null; not an access. */
export function peekLeaf(pgt: Stage2, addr: Ipa): PeekedLeaf | null {
  const leaf = pgt.peekLeaf(addr);
  if (leaf === null) return null;
  const lo = lowerHalf(leaf.pte);
  if ((lo & VALID) === 0) return null;
  const offset = addr % pgt.geometry.sizes[leaf.level]!;
  return {
    pa: (pteToPhys(pgt.layout, lo, upperHalf(leaf.pte)) + offset) as Pa,
    writable: (lo & S2AP_W) !== 0,
    level: leaf.level,
  };
}

/** Where a write to an address would end, as it is, whatever its access flag; not an access. */
export function peekWrite(pgt: Stage2, addr: Ipa): PeekedWrite {
  const entry = pgt.peekLeaf(addr);
  const leaf = peekLeaf(pgt, addr);
  if (entry === null || leaf === null) {
    const isBeingReplaced = entry !== null && isLocked(lowerHalf(entry.pte), upperHalf(entry.pte));
    return { fault: "translation", level: entry?.level ?? pgt.startLevel, isBeingReplaced };
  }
  const { pa, level, writable } = leaf;
  return writable ? { pa, level } : { fault: "permission", level, isBeingReplaced: false };
}
