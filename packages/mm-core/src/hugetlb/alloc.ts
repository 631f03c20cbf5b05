import type { Hva, Pfn } from "../addresses.js";
import { placement, vmaPolicy } from "../mempolicy.js";
import { PageFlag } from "../page-flags.js";
import type { Task } from "../task.js";
import { type Vma, type VmaFields, VmFlag } from "../vma.js";
import { hstateOf, hugeIndex, hugetlbInfo } from "./hugetlb-info.js";
import type { ResvMap } from "./resv-map.js";

/** vma_resv_map(): of the file for a shared mapping, of its own for a private one; null where nothing was promised. */
function resvMapOf(fields: VmaFields): ResvMap | null {
  if ((fields.flags & VmFlag.mayShare) !== 0) return hugetlbInfo(fields.file!).reserve;
  return fields.reserve ?? null;
}

/**
 * alloc_hugetlb_folio(): a page for an address of a mapping, out of what was promised to it or else of what is promised
 * to nobody.
 * @param fromOwner a copy for the mapping that has had its promised page already
 * @returns null where there is none (-ENOSPC)
 */
export function allocHugetlbFolio(task: Task, vma: Vma, address: Hva, fromOwner: boolean): Pfn | null {
  const { fields } = vma;
  const hstate = hstateOf(fields);
  const map = resvMapOf(fields);
  const index = hugeIndex(fields, address);
  // vma_needs_reservation(): the map of a file holds what was promised, that of a mapping what it has had.
  const shared = (fields.flags & VmFlag.mayShare) !== 0;
  const promised = !fromOwner && map !== null && map.has(index) === shared;
  const { node, allowed } = placement(vmaPolicy(task, vma, address), task.node, index);
  const folio = hstate.dequeue(node, allowed, promised);
  if (folio === null) return null;
  // vma_commit_reservation()
  if (!fromOwner) map?.add(index);
  return folio;
}

/** restore_reserve_on_error(), for a page that found its place taken. */
export function restoreReserve(vma: Vma, address: Hva, folio: Pfn): void {
  const { fields } = vma;
  const { frames } = vma.mm.host;
  const map = resvMapOf(fields);
  const shared = (fields.flags & VmFlag.mayShare) !== 0;
  // Of a shared mapping the promise stands; of a private one it does again.
  if (map === null || !frames.test(folio, PageFlag.restoreReserve)) return;
  if (!shared) map.delete(hugeIndex(fields, address));
}
