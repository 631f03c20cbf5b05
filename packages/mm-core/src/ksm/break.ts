import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE } from "../addresses.js";
import { handleMmFault } from "../fault/handle.js";
import { leafAt } from "../leaf.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import type { Task } from "../task.js";
import type { Vma } from "../vma.js";

/** break_ksm(): every merged page within `[start, end)` becomes a private copy, by a fault that unshares. */
export function breakKsm(task: Task, vma: Vma, start: Hva, end: Hva): void {
  const { mm } = vma;
  for (let at = start; at < end; at += PAGE_SIZE) {
    for (;;) {
      const leaf = leafAt(mm, at);
      if (leaf === null || !ptePresent(leaf.pte) || pteHas(leaf.pte, PteFlag.special)) break;
      if (!mm.host.frames.test(ptePfn(leaf.pte), PageFlag.ksm)) break;
      if (handleMmFault(task, vma, at, { write: false, unshare: true }) !== null) break;
    }
  }
}

nameFunctions({
  break_ksm: breakKsm,
});
