import { nameFunctions } from "@kvmm/interleave";
import type { Hva } from "../addresses.js";
import type { Mm } from "../mm.js";
import type { Table } from "../page-table.js";
import { pteChange } from "../pte.js";

/**
 * move_huge_pmd(): a huge entry moves to where nothing is mapped yet.
 * @param clear flags that it loses
 * @returns false if it was no longer there
 */
export function moveHugePmd(mm: Mm, source: Table, index: number, target: Hva, clear: number): boolean {
  const pmds = mm.allocPmd(target);
  const to = pmds.indexOf(target);
  mm.pageTableLock.lock();
  const pmd = source.get(index);
  const moves = pmd !== 0 && pmds.child(to) === null;
  if (moves) {
    source.set(index, 0);
    pmds.set(to, pteChange(pmd, 0, clear));
  }
  mm.pageTableLock.unlock();
  return moves;
}

nameFunctions({
  move_huge_pmd: moveHugePmd,
});
