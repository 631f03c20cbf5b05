import { hex } from "@kvmm/mm-core";
import { checkTablePages } from "../table/account.js";
import { TableError } from "../table/errors.js";
import { largestBlock } from "./apply-range.js";
import type { Arm64Mmu } from "./arm64-mmu.js";
import { outsideMemslots } from "./outside-memslots.js";

/** A property of a VM's stage 2 that holds between two calls. */
export interface Stage2Check {
  readonly name: string;
  /** What is wrong, in a sentence, or undefined. Looks only; no access. */
  readonly broken: (mmu: Arm64Mmu) => string | undefined;
}

export const stage2Checks: readonly Stage2Check[] = [
  {
    name: "no leak or early free of a table page",
    broken({ pgt, unlinkedTables }) {
      try {
        checkTablePages(pgt, unlinkedTables.waiting.peek());
        return undefined;
      } catch (error) {
        if (error instanceof TableError) return error.message;
        throw error;
      }
    },
  },
  { name: "no mapping outside the memslots", broken: outsideMemslots },
  {
    name: "no stale instructions",
    broken: ({ machine, instructionCache, pgt }) => (machine.dic ? undefined : instructionCache.stale(pgt)),
  },
  {
    name: "mmu_lock is let go of",
    broken(mmu) {
      const held = mmu.longestHeld.peek();
      if (held <= largestBlock(mmu)) return undefined;
      return `${hex(held)} bytes were worked through without letting go of mmu_lock, though that was allowed`;
    },
  },
];
