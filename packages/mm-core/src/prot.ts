import type { Frames } from "./frames.js";
import { PageFlag } from "./page-flags.js";
import { type Pte, PteFlag, pteChange, pteHas, ptePfn } from "./pte.js";
import { isAccessible, type VmaFields, VmFlag } from "./vma.js";

const PROTECTION = PteFlag.valid | PteFlag.protNone | PteFlag.write | PteFlag.exec;

/**
 * vma->vm_page_prot, as flags of an entry: shared writable mappings map writable at once, private ones never do (the
 * first write must fault).
 */
export function pageProt(fields: VmaFields): number {
  if (!isAccessible(fields)) return PteFlag.protNone;
  const { flags } = fields;
  return (
    PteFlag.valid |
    ((flags & VmFlag.exec) !== 0 ? PteFlag.exec : 0) |
    // vma_wants_writenotify(): with a userfaultfd that protects from writes, the first one must fault.
    ((flags & (VmFlag.write | VmFlag.shared | VmFlag.uffdWp)) === (VmFlag.write | VmFlag.shared)
      ? PteFlag.write
      : 0)
  );
}

/** pte_modify() */
export function pteModify(pte: Pte, prot: number): Pte {
  return pteChange(pte, prot, PROTECTION & ~prot);
}

/** maybe_mkwrite(): the write flag, if the mapping allows writes. */
export function maybeWrite(fields: VmaFields): number {
  return (fields.flags & VmFlag.write) !== 0 ? PteFlag.write : 0;
}

/** can_change_pte_writable(), for an entry of a writable private mapping: may it become writable without a fault? */
export function canBecomeWritable(frames: Frames, fields: VmaFields, pte: Pte): boolean {
  if ((fields.flags & VmFlag.write) === 0 || (fields.flags & VmFlag.shared) !== 0) return false;
  if (pteHas(pte, PteFlag.protNone) || pteHas(pte, PteFlag.special) || pteHas(pte, PteFlag.uffdWp))
    return false;
  const both = PageFlag.anon | PageFlag.anonExclusive;
  return (frames.flagsOf(ptePfn(pte)) & both) === both;
}
