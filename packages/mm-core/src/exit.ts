import { nameFunctions } from "@kvmm/interleave";
import { DEFAULT_MAP_WINDOW } from "./addresses.js";
import type { Mm } from "./mm.js";
import type { Process } from "./task.js";
import { khugepagedExit } from "./thp/khugepaged-enter.js";
import { removeVma, unlinkReverse } from "./vma-tree.js";
import { freeBatch, freePgtables, unmapVmas } from "./zap.js";

/** mmput(): the last user takes the address space apart. */
function mmput(mm: Mm): void {
  if (mm.users.update((users) => users - 1) > 0) return;
  exitMmap(mm);
}

/** exit_mmap() */
function exitMmap(mm: Mm): void {
  mm.host.ksm.leave(mm);
  khugepagedExit(mm);
  for (const notifier of mm.notifiers.get()) notifier.release();
  mm.mmapLock.writeLock();
  const vmas = mm.vmas.overlapping(0, Number.MAX_SAFE_INTEGER);
  const first = vmas[0]?.fields.start;
  const last = vmas[vmas.length - 1]?.fields.end;
  if (first !== undefined && last !== undefined) {
    const batch = unmapVmas(mm, vmas, first, last);
    for (const vma of vmas) {
      unlinkReverse(vma);
      mm.vmas.delete(vma.fields.start);
    }
    freePgtables(mm, first, last, 0, DEFAULT_MAP_WINDOW);
    freeBatch(mm.host, batch);
  }
  mm.mmapLock.writeUnlock();
  for (const vma of vmas) removeVma(vma);
}

/** do_exit(): the address space goes (exit_mm), then the descriptors (exit_files). */
export function doExit(process: Process): void {
  if (process.life.get() === "dying") process.mm.dyingUsers.update((users) => users - 1);
  process.life.set("exited");
  mmput(process.mm);
  const files = process.files.get();
  process.files.set([]);
  for (const file of files) file?.put();
}

nameFunctions({
  mmput: mmput,
  exit_mmap: exitMmap,
  do_exit: doExit,
});
