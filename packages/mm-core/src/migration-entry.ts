import type { Frames } from "./frames.js";
import { type Pte, ptePfn } from "./pte.js";

/** migration_entry_wait(), pmd_migration_entry_wait(), migration_entry_wait_huge(): whoever moves the page holds its lock. */
export function migrationEntryWait(frames: Frames, entry: Pte): void {
  const pfn = ptePfn(entry);
  if (!frames.tryGet(pfn)) return;
  frames.lock(pfn);
  frames.unlock(pfn);
  frames.put(pfn);
}
