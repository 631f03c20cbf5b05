import type { AccessKind, GuestFault } from "@kvmm/kvm-memslots";
import type { Ipa, Pa } from "../address.js";
import {
  AF,
  S2AP_R,
  S2AP_W,
  TYPE_TABLE_OR_PAGE,
  VALID,
  XN_MASK_HI,
  XN_SHIFT_HI,
  Xn,
} from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { Stage2 } from "../stage2.js";

/** Where the hardware's walk ended: at the physical address, or in a fault at a level. */
export type Translation =
  | { readonly pa: Pa; readonly level: number }
  | { readonly fault: GuestFault["kind"]; readonly level: number };

/**
 * What the hardware does with a guest physical address (Arm ARM D8.2): walks the tables, checks the leaf's
 * permissions, and, with `setsAccessFlag` (FEAT_HAFDBS), sets the access flag itself. The walk is taken as one step;
 * there is no TLB in between.
 */
export function translate(pgt: Stage2, addr: Ipa, access: AccessKind, setsAccessFlag: boolean): Translation {
  const { geometry, tables } = pgt;
  let page = pgt.pgd.get();
  if (page === null || addr >= pgt.limit) return { fault: "translation", level: pgt.startLevel };
  let level = pgt.startLevel;
  let first = Math.floor(addr / pgt.pgdPageSize) << geometry.ptrsShift;
  for (;;) {
    const size = geometry.sizes[level]!;
    const index = first + (Math.floor(addr / size) & (geometry.ptrsPerPte - 1));
    const lo = page.read(index, false);
    const { hi } = page;
    if ((lo & VALID) === 0) return { fault: "translation", level };
    if (level < LAST_LEVEL && (lo & TYPE_TABLE_OR_PAGE) === TYPE_TABLE_OR_PAGE) {
      page = tables.child(page, index, lo, hi);
      first = 0;
      level++;
      continue;
    }
    if ((lo & AF) === 0) {
      if (!setsAccessFlag) return { fault: "access_flag", level };
      // Lost to another change of the entry: walk again from what it is now.
      if (!page.compareExchange(index, lo, hi, lo | AF, hi)) continue;
    }
    if (!permits(lo, hi, access)) return { fault: "permission", level };
    return { pa: (pteToPhys(pgt.layout, lo, hi) + (addr % size)) as Pa, level };
  }
}

/** The guest runs at EL1. */
function permits(lo: number, hi: number, access: AccessKind): boolean {
  if (access === "read") return (lo & S2AP_R) !== 0;
  if (access === "write") return (lo & S2AP_W) !== 0;
  const xn = (hi & XN_MASK_HI) >>> XN_SHIFT_HI;
  return xn === Xn.None || xn === Xn.Unprivileged;
}
