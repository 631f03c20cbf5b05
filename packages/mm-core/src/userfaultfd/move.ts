import { AGAIN, repeat } from "@kvmm/interleave";
import { type Hva, PMD_SIZE } from "../addresses.js";
import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { anonVmaPrepare } from "../rmap.js";
import { movePagesHugePmd } from "../thp/move-pages.js";
import { splitHugePmd } from "../thp/split-pmd.js";
import { isAnonymous, VM_ACCESS_FLAGS, type Vma, type VmaFields, VmFlag } from "../vma.js";
import type { Userfaultfd } from "./context.js";
import type { Filled } from "./mfill-state.js";
import { movePagesPtes } from "./move-ptes.js";

/** What UFFDIO_MOVE is to do. */
export interface PageMove {
  readonly ctx: Userfaultfd;
  readonly target: Hva;
  readonly source: Hva;
  readonly length: number;
  /** UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES: where the source has nothing, nothing is moved. */
  readonly allowHoles: boolean;
}

/** The two mappings of a {@link PageMove}. */
export interface MovePlace {
  readonly source: Vma;
  readonly target: Vma;
}

/** move_pages() of mm/userfaultfd.c: private pages move, uncopied, from one place of the process to another. */
export function movePrivatePages(move: PageMove): Filled {
  const { mm } = move.ctx;
  mm.mmapLock.readLock();
  const place = findPlace(move);
  let bytes = 0;
  let refusal: Refusal | undefined = isRefusal(place) ? place : undefined;
  while (!isRefusal(place) && refusal === undefined && bytes < move.length) {
    const done = bytes;
    const moved = repeat<Result<number>>(mm.host.store, "move_pages", () => moveStep(move, place, done));
    if (isRefusal(moved)) refusal = moved;
    else bytes += moved;
  }
  mm.mmapLock.readUnlock();
  return refusal === undefined ? { bytes } : { bytes, refusal };
}

/** find_vmas_mm_locked(), and what move_pages() asks of the mappings. */
function findPlace({ ctx, target: to, source: from, length }: PageMove): Result<MovePlace> {
  const { mm } = ctx;
  const target = mm.vmaAt(to);
  if (target === undefined) return refuse("ENOENT", "find_vmas_mm_locked", `nothing is mapped at ${hex(to)}`);
  if ((target.fields.flags & VmFlag.shared) === 0) anonVmaPrepare(target);
  const source = mm.vmaAt(from);
  if (source === undefined)
    return refuse("ENOENT", "find_vmas_mm_locked", `nothing is mapped at ${hex(from)}`);
  const fn = "move_pages";
  const sides = [
    { name: "source", at: from, fields: source.fields },
    { name: "target", at: to, fields: target.fields },
  ];
  for (const { name, at, fields } of sides) {
    if ((fields.flags & VmFlag.shared) !== 0) return refuse("EINVAL", fn, `the ${name} is a shared mapping`);
    if (at + length > fields.end)
      return refuse("EINVAL", fn, `the ${name} ${hex(at)}-${hex(at + length)} is not all within one mapping`);
  }
  return refuseAreas(ctx, source.fields, target.fields) ?? { source, target };
}

/** validate_move_areas() */
function refuseAreas(ctx: Userfaultfd, source: VmaFields, target: VmaFields): Refusal | undefined {
  const fn = "validate_move_areas";
  const differ = source.flags ^ target.flags;
  if ((differ & VM_ACCESS_FLAGS) !== 0)
    return refuse("EINVAL", fn, "source and target differ in their protection");
  if ((differ & VmFlag.locked) !== 0) return refuse("EINVAL", fn, "only one of source and target is locked");
  if ((source.flags & VmFlag.write) === 0) return refuse("EINVAL", fn, "source and target are not writable");
  const special = VmFlag.pfnmap | VmFlag.hugetlb;
  if (((source.flags | target.flags) & special) !== 0)
    return refuse("EINVAL", fn, "source or target is of huge pages of hugetlb, or special");
  if (target.uffd !== ctx) return refuse("EINVAL", fn, "the target is not registered with this userfaultfd");
  if (!isAnonymous(source) || !isAnonymous(target))
    return refuse("EINVAL", fn, "source or target is of a file", "private anonymous memory");
  return undefined;
}

/** The body of the loop of move_pages(). @returns bytes that were moved, or passed over */
function moveStep(move: PageMove, place: MovePlace, done: number): Result<number> | typeof AGAIN {
  const { mm } = move.ctx;
  const { frames } = mm.host;
  const from = move.source + done;
  const to = move.target + done;
  const left = move.length - done;
  const hole = () => refuse("ENOENT", "move_pages", `the source has nothing at ${hex(from)}`);
  if (mm.pmd(from) === null && !move.allowHoles) return hole();
  const sources = mm.allocPmd(from);
  const targets = mm.allocPmd(to);
  const targetPmd = targets.get(targets.indexOf(to));
  if (pteHas(targetPmd, PteFlag.leaf) && ptePresent(targetPmd))
    return refuse("EEXIST", "move_pages", `a huge page is mapped at ${hex(to)}`);
  const index = sources.indexOf(from);
  const huge = sources.child(index) === null ? sources.get(index) : 0;
  if (huge !== 0) {
    // move_splits_huge_pmd()
    const splits = from % PMD_SIZE !== 0 || to % PMD_SIZE !== 0 || left < PMD_SIZE;
    const isTargetFree = targetPmd === 0 && targets.child(targets.indexOf(to)) === null;
    if (!splits && isTargetFree) return movePagesHugePmd(place, targets, sources, to, from);
    const isOthers =
      ptePresent(huge) &&
      !pteHas(huge, PteFlag.special) &&
      !frames.test(ptePfn(huge), PageFlag.anonExclusive);
    if (isOthers)
      return refuse("EBUSY", "move_pages", `the huge page at ${hex(from)} is not this process's alone`);
    splitHugePmd(place.source, from);
    return AGAIN;
  }
  if (sources.child(index) === null && !move.allowHoles) return hole();
  if (mm.tryAllocPte(from) === null || mm.tryAllocPte(to) === null) return AGAIN;
  return movePagesPtes(place, to, from, left, move.allowHoles);
}
