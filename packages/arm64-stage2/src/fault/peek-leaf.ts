import type { Ipa, Pa } from "../address.js";
import { lowerHalf, upperHalf } from "../descriptor/halves.js";
import { S2AP_W, VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import type { Stage2 } from "../stage2.js";

/** What stage 2 has for an address. */
export interface PeekedLeaf {
  readonly pa: Pa;
  readonly writable: boolean;
  readonly level: number;
}

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
