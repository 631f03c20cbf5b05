import {
  leafAt,
  leafPage,
  PAGE_SIZE,
  type Pfn,
  pageIdleBitmapRead,
  pageIdleBitmapWrite,
  ptePresent,
  type Task,
} from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { PageRuns } from "../page-runs.js";
import { unsigned } from "../results.js";

/** /sys/kernel/mm/page_idle/bitmap, whose bits are those of the frames behind a range. */
export const pageIdleBindings = {
  page_idle_bitmap_write: (world, task, { addr, length }) => {
    pageIdleBitmapWrite(
      world.host,
      framesBehind(task, unsigned(addr), unsigned(length)).map(({ frame }) => frame),
    );
    return {};
  },
  page_idle_bitmap_read: (world, task, { addr, length }) => {
    const idle = new PageRuns();
    for (const { page, frame } of framesBehind(task, unsigned(addr), unsigned(length)))
      if (pageIdleBitmapRead(world.host, frame)) idle.add(page);
    return { observation: { idle: idle.list() } };
  },
} satisfies Bindings;

/** The frames that the page table maps at a range, with the pages that they are behind. */
function framesBehind(
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
