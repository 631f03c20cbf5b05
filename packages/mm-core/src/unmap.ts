import { nameFunctions } from "@kvmm/interleave";
import { DEFAULT_MAP_WINDOW, type Hva } from "./addresses.js";
import { hex, type Refusal, refuse } from "./errno.js";
import type { Mm } from "./mm.js";
import { VmFlag } from "./vma.js";
import { isolateRange, maySplit, removeVma, unlinkReverse } from "./vma-tree.js";
import { freeBatch, freePgtables, unmapVmas } from "./zap.js";

/**
 * do_vmi_align_munmap(): removes whatever is mapped in `[start, end)`, cutting mappings at its ends. Nothing there
 * is no error, and raises no notifier. Under mmap_lock held for writing, to be dropped with {@link Mm.writeUnlock}.
 */
export function unmapRange(mm: Mm, start: Hva, end: Hva): Refusal | undefined {
  const sealed = mm.vmas.overlapping(start, end).find((vma) => (vma.fields.flags & VmFlag.sealed) !== 0);
  if (sealed !== undefined) {
    return refuse("EPERM", "vms_gather_munmap_vmas", `the mapping at ${hex(sealed.fields.start)} is sealed`);
  }
  for (const vma of mm.vmas.overlapping(start, end)) {
    const unsplittable = maySplit(vma, start, end);
    if (unsplittable !== undefined) return unsplittable;
  }
  const vmas = isolateRange(mm, start, end);
  const first = vmas[0];
  const last = vmas[vmas.length - 1];
  if (first === undefined || last === undefined) return undefined;
  const from = first.fields.start;
  const to = last.fields.end;
  for (const vma of vmas) mm.vmas.delete(vma.fields.start);
  // unmap_region(): between the neighbours that stay.
  const batch = unmapVmas(mm, vmas, from, to);
  for (const vma of vmas) unlinkReverse(vma);
  freePgtables(
    mm,
    from,
    to,
    mm.vmas.floor(from)?.fields.end ?? 0,
    mm.vmas.ceiling(to)?.fields.start ?? DEFAULT_MAP_WINDOW,
  );
  freeBatch(mm.host, batch);
  for (const vma of vmas) removeVma(vma, true);
  return undefined;
}

nameFunctions({
  do_vmi_align_munmap: unmapRange,
});
