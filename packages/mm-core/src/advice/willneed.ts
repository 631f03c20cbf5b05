import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE } from "../addresses.js";
import type { Refusal } from "../errno.js";
import { handleMmFault } from "../fault/handle.js";
import { pgoffOf } from "../file.js";
import { leafAt } from "../leaf.js";
import { PteFlag, pteHas } from "../pte.js";
import { shmemSwapinRange } from "../shmem.js";
import type { Task } from "../task.js";
import type { Vma } from "../vma.js";

/**
 * madvise_willneed(): what is in swap comes back. The kernel reads it into the swap cache; the model, which has none,
 * maps it at once.
 */
export function madviseWillneed(vma: Vma, start: Hva, end: Hva, task: Task): Refusal | undefined {
  const { fields, mm } = vma;
  const { file } = fields;
  if (file === null) {
    for (let at = start; at < end; at += PAGE_SIZE) {
      const leaf = leafAt(mm, at);
      if (leaf !== null && pteHas(leaf.pte, PteFlag.swap)) handleMmFault(task, vma, at, { write: false });
    }
  } else if (file.inode?.traits.swapbacked === true) {
    shmemSwapinRange(task, file, pgoffOf(fields, start), pgoffOf(fields, end));
  }
  mm.host.lru.drain();
  return undefined;
}

nameFunctions({
  madvise_willneed: madviseWillneed,
});
