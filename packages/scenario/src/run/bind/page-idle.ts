import { pageIdleBitmapRead, pageIdleBitmapWrite } from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { PageRuns } from "../page-runs.js";
import { unsigned } from "../results.js";
import { framesBehind } from "./frames-behind.js";

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
