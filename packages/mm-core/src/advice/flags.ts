import { nameFunctions } from "@kvmm/interleave";
import { type Refusal, refuse } from "../errno.js";
import { khugepagedEnterVma } from "../thp/khugepaged-enter.js";
import { type VmaFields, VmFlag } from "../vma.js";
import { maySplit, modifyVma } from "../vma-tree.js";
import type { Advice } from "./advice.js";

const SPECIAL = VmFlag.pfnmap | VmFlag.dontexpand;

/** madvise_update_vma(): an advice that sets and clears flags of the mapping, if `forbidden` has nothing against it. */
export function flagAdvice(
  set: number,
  clear: number,
  forbidden: (fields: VmaFields) => Refusal | undefined = () => undefined,
): Advice {
  return {
    changesMapping: true,
    discards: set === VmFlag.dontcopy || set === VmFlag.wipeonfork,
    apply(vma, start, end) {
      const fields = vma.fields;
      const refused = forbidden(fields);
      if (refused !== undefined) return refused;
      const flags = (fields.flags & ~clear) | set;
      if (flags === fields.flags) return undefined;
      const unsplittable = maySplit(vma, start, end);
      if (unsplittable !== undefined) return unsplittable;
      const changed = modifyVma(vma, start, end, { flags });
      if ((flags & VmFlag.hugepage) !== 0) khugepagedEnterVma(changed);
      return undefined;
    },
  };
}

/** MADV_DODUMP: not for mappings of devices. */
export function notSpecialOrHugetlb(fields: VmaFields): Refusal | undefined {
  return (fields.flags & VmFlag.hugetlb) === 0 ? notSpecial(fields) : undefined;
}

/** MADV_DOFORK: not for mappings of devices, nor of huge pages. */
export function notSpecial({ flags }: VmaFields): Refusal | undefined {
  if ((flags & SPECIAL) === 0) return undefined;
  return refuse("EINVAL", "madvise_vma_behavior", "a special mapping");
}

/** MADV_WIPEONFORK is for private anonymous memory. */
export function onlyPrivateAnonymous({ flags, file }: VmaFields): Refusal | undefined {
  if (file === null && (flags & VmFlag.shared) === 0) return undefined;
  return refuse("EINVAL", "madvise_vma_behavior", "the mapping is not private anonymous memory");
}

nameFunctions({
  madvise_update_vma: flagAdvice,
});
