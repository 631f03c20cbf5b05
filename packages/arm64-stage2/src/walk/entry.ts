import { nameFunctions } from "@kvmm/interleave";
import type { Ipa } from "../address.js";
import {
  INVALID_TYPE_SHIFT_HI,
  InvalidType,
  LOCKED_HI,
  TYPE_TABLE_OR_PAGE,
  VALID,
} from "../descriptor/layout.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import { tlbFlushVmidRange } from "../tlb.js";
import { Walk } from "./flags.js";
import type { Walker } from "./walker.js";

/** kvm_pte_table() */
export function isTable(lo: number, level: number): boolean {
  return level < LAST_LEVEL && (lo & TYPE_TABLE_OR_PAGE) === TYPE_TABLE_OR_PAGE;
}

/** stage2_pte_is_counted(): does the entry hold a reference to its table page? */
export function isCounted(lo: number, hi: number): boolean {
  return (lo | hi) !== 0;
}

/** stage2_pte_is_locked(): is somebody replacing the entry? */
export function isLocked(lo: number, hi: number): boolean {
  return (lo & VALID) === 0 && hi >>> INVALID_TYPE_SHIFT_HI === InvalidType.Locked;
}

/** stage2_try_set_pte(): replaces the visited entry. @returns false if it has changed meanwhile */
export function trySetPte(walker: Walker, lo: number, hi: number): boolean {
  const { page, index } = walker;
  if (walker.shared) return page.compareExchange(index, walker.oldLo, walker.oldHi, lo, hi);
  page.write(index, lo, hi, walker.quiet);
  return true;
}

/**
 * stage2_try_break_pte(): the break of break-before-make. Marks the visited entry as locked, takes what it translated out
 * of the TLBs and drops its reference. @returns false if somebody else has changed it or is about to
 */
export function tryBreakPte(walker: Walker): boolean {
  const { page, index, level, oldLo, oldHi, pgt } = walker;
  if (isLocked(oldLo, oldHi)) {
    if (!walker.shared) pgt.warn("stage2_try_break_pte: WARN_ON(!kvm_pgtable_walk_shared(ctx))");
    return false;
  }
  if (!trySetPte(walker, 0, LOCKED_HI)) return false;
  if ((walker.flags & Walk.SKIP_BBM_TLBI) === 0) {
    if (isTable(oldLo, level)) {
      const size = pgt.geometry.sizes[level]!;
      const addr = Math.floor(walker.at / size) * size;
      tlbFlushVmidRange(pgt.machine, pgt.tlb, addr as Ipa, size);
    } else if ((oldLo & VALID) !== 0) {
      pgt.tlb.flushVmidIpa(walker.at as Ipa, level);
    }
  }
  if (isCounted(oldLo, oldHi)) page.putPage(index);
  return true;
}

/** {@link tryBreakPte} of an entry that another of the same size replaces. */
export function tryBreakLeaf(walker: Walker): boolean {
  const { page, index, oldLo, level, pgt } = walker;
  if (!tryBreakPte(walker)) return false;
  const wasLeaf = (oldLo & VALID) !== 0 && !isTable(oldLo, level);
  if (wasLeaf && pgt.behaviour.replacedLeafReference === "keep") page.getPage(index);
  return true;
}

/** stage2_make_pte(): the make of break-before-make, with a reference for the new entry. */
export function makePte(walker: Walker, lo: number, hi: number): void {
  const { page, index, quiet } = walker;
  if (isCounted(lo, hi)) page.getPage(index);
  if (!page.replace(index, 0, LOCKED_HI, lo, hi, quiet)) {
    walker.pgt.warn("stage2_make_pte: WARN_ON(!stage2_pte_is_locked(*ctx->ptep))");
  }
}

nameFunctions({
  stage2_try_set_pte: trySetPte,
  stage2_try_break_pte: tryBreakPte,
  stage2_make_pte: makePte,
});
