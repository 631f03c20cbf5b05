import { hex } from "@kvmm/mm-core";
import { checkTablePages } from "../table/account.js";
import { TableError } from "../table/errors.js";
import { largestBlock } from "./apply-range.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/** A property of stage 2 that does not hold. */
export interface Stage2Violation {
  readonly property: string;
  readonly text: string;
}

/**
 * What must hold of a VM's stage 2 between two calls: no table page is lost or freed too early, what the guest may
 * execute was invalidated in the instruction cache, and no work under mmu_lock was longer than the largest block. Not an
 * access.
 */
export function checkStage2(mmu: Arm64Mmu): Stage2Violation | undefined {
  const { pgt, machine, instructionCache, unlinkedTables } = mmu;
  const wrong = tableError(() => checkTablePages(pgt, unlinkedTables.waiting.peek()));
  if (wrong !== undefined) return wrong;
  const stale = machine.dic ? undefined : instructionCache.stale(pgt);
  if (stale !== undefined) return { property: "no stale instructions", text: stale };
  const held = mmu.longestHeld.peek();
  if (held > largestBlock(mmu)) {
    return { property: "mmu_lock is let go of", text: `${hex(held)} bytes were worked through without letting go of mmu_lock` };
  }
  return undefined;
}

/** An error about table pages, as a violation of the property that it has in its name. */
export function tableError(action: () => void): Stage2Violation | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return { property: `no ${error.kind} of a table page`, text: error.message };
  }
}
