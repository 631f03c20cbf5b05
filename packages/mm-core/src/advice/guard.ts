import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE } from "../addresses.js";
import { hex, type Refusal, refuse } from "../errno.js";
import { leafAt } from "../leaf.js";
import { PteFlag, pteHas } from "../pte.js";
import { anonVmaPrepare } from "../rmap.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";
import { freeBatch, zapVmaRangeBatched } from "../zap.js";

const MARKER = PteFlag.marker | PteFlag.guard;

/** is_valid_guard_vma() */
function refuseSpecial(vma: Vma, fn: string, evenLocked: boolean): Refusal | undefined {
  const { start, flags } = vma.fields;
  const disallowed = VmFlag.pfnmap | VmFlag.dontexpand | VmFlag.hugetlb | (evenLocked ? 0 : VmFlag.locked);
  if ((flags & disallowed) === 0) return undefined;
  return refuse("EINVAL", fn, `the mapping at ${hex(start)} is locked, of huge pages or special`);
}

/** madvise_guard_install(): every page of the range becomes one that nobody may touch. What was there goes. */
export function guardInstall(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  const { mm } = vma;
  const refused = refuseSpecial(vma, "madvise_guard_install", false);
  if (refused !== undefined) return refused;
  vma.mayHaveGuards.set(true);
  if (isAnonymous(vma.fields)) anonVmaPrepare(vma);
  // Zapping in between leaves nothing that a second round could stumble over but what a racing fault brought.
  while (!install(vma, start, end)) freeBatch(mm.host, zapVmaRangeBatched(vma, start, end, {}));
  return undefined;
}

/** guard_install_pte_entry(), guard_install_set_pte(). @returns false where something else is mapped */
function install({ mm }: Vma, start: Hva, end: Hva): boolean {
  for (let at = start; at < end; at += PAGE_SIZE) {
    const table = mm.tryAllocPte(at);
    if (table === null) return false;
    const index = table.indexOf(at);
    mm.pageTableLock.lock();
    const pte = table.get(index);
    const isFree =
      pte === 0 || isGuard(pte) || (pteHas(pte, PteFlag.marker) && !pteHas(pte, PteFlag.poisoned));
    if (isFree) table.set(index, MARKER);
    mm.pageTableLock.unlock();
    if (!isFree) return false;
  }
  return true;
}

/** madvise_guard_remove() */
export function guardRemove(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  const { mm } = vma;
  const refused = refuseSpecial(vma, "madvise_guard_remove", true);
  if (refused !== undefined) return refused;
  for (let at = start; at < end; at += PAGE_SIZE) {
    const leaf = leafAt(mm, at);
    if (leaf === null || leaf.table.level !== 0 || !isGuard(leaf.pte)) continue;
    mm.pageTableLock.lock();
    if (isGuard(leaf.table.get(leaf.index))) leaf.table.set(leaf.index, 0);
    mm.pageTableLock.unlock();
  }
  return undefined;
}

function isGuard(pte: number): boolean {
  return (pte & MARKER) === MARKER;
}

nameFunctions({
  madvise_guard_install: guardInstall,
  guard_install_pte_entry: install,
  madvise_guard_remove: guardRemove,
});
