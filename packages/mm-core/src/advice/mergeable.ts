import type { Hva } from "../addresses.js";
import type { Refusal } from "../errno.js";
import { breakKsm } from "../ksm/break.js";
import type { Task } from "../task.js";
import { type Vma, type VmaFields, VmFlag } from "../vma.js";
import { modifyVma } from "../vma-tree.js";

/** ksm_compatible() */
function isCompatible({ flags }: VmaFields): boolean {
  const not = VmFlag.shared | VmFlag.mayShare | VmFlag.hugetlb | VmFlag.pfnmap | VmFlag.dontexpand;
  return (flags & not) === 0;
}

/** ksm_madvise(MADV_MERGEABLE): for other memory than private it does nothing, successfully. */
export function ksmMergeable(vma: Vma, start: Hva, end: Hva): undefined {
  const fields = vma.fields;
  if ((fields.flags & VmFlag.mergeable) !== 0 || !isCompatible(fields)) return;
  vma.mm.host.ksm.enter(vma.mm);
  modifyVma(vma, start, end, { flags: fields.flags | VmFlag.mergeable });
}

/** ksm_madvise(MADV_UNMERGEABLE): merged pages become private copies again. */
export function ksmUnmergeable(vma: Vma, start: Hva, end: Hva, task: Task): Refusal | undefined {
  const { flags } = vma.fields;
  if ((flags & VmFlag.mergeable) === 0) return undefined;
  if (vma.anonVma.get() !== null) breakKsm(task, vma, start, end);
  modifyVma(vma, start, end, { flags: flags & ~VmFlag.mergeable });
  return undefined;
}
