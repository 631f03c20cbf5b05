import { leafAt, leafPage, PAGE_SIZE, type Pfn, ptePresent, type Task } from "@kvmm/mm-core";

/** The frames that the page table maps at a range, with the pages that they are behind. */
export function framesBehind(
  task: Task,
  addr: number,
  length: number,
): readonly { readonly page: number; readonly frame: Pfn }[] {
  // By the time that somebody has looked the frames up (/proc/PID/pagemap), they are on the LRU.
  task.process.host.lru.drain();
  return Array.from({ length: Math.ceil(length / PAGE_SIZE) }, (_, page) => page).flatMap((page) => {
    const at = addr + page * PAGE_SIZE;
    const leaf = leafAt(task.mm, at);
    return leaf !== null && ptePresent(leaf.pte) ? [{ page, frame: leafPage(leaf, at) }] : [];
  });
}
