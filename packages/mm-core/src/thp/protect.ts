import { nameFunctions } from "@kvmm/interleave";
import type { Table } from "../page-table.js";
import { canBecomeWritable, pageProt, pteModify } from "../prot.js";
import { canMapNumaHint, type ProtectReason } from "../protect.js";
import { PteFlag, pteChange, pteHas, ptePresent, pteProtNone } from "../pte.js";
import { changeAbsentEntry, changePresentEntry } from "../userfaultfd/change-entry.js";
import type { Vma } from "../vma.js";

/** change_huge_pmd(), under page_table_lock. @returns was the entry changed? */
export function changeHugePmd(vma: Vma, pmds: Table, pmdIndex: number, reason: ProtectReason): boolean {
  const { mm, fields } = vma;
  const pmd = pmds.get(pmdIndex);
  if (!ptePresent(pmd)) {
    // change_non_present_huge_pmd(): a write migration entry becomes a read one.
    const read = pteHas(pmd, PteFlag.write) ? pteChange(pmd, 0, PteFlag.write) : pmd;
    pmds.set(pmdIndex, reason.uffdWp === undefined ? read : changeAbsentEntry(fields, read, reason.uffdWp));
    return false;
  }
  const { numa } = reason;
  if (numa !== undefined && (pteProtNone(pmd) || !canMapNumaHint(vma, fields, pmd, numa))) return false;
  let now = pteModify(pmd, numa === undefined ? pageProt(fields) : PteFlag.protNone);
  if (reason.uffdWp !== undefined) now = changePresentEntry(now, reason.uffdWp);
  if (reason.tryWritable === true && canBecomeWritable(mm.host.frames, fields, now)) {
    now = pteChange(now, PteFlag.write, 0);
  }
  pmds.set(pmdIndex, now);
  return true;
}

nameFunctions({
  change_huge_pmd: changeHugePmd,
});
