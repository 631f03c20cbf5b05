import {
  compactMemory,
  damonPaMkold,
  damonPaYoung,
  damonVaMkold,
  damonVaYoung,
  dropCaches,
  ksmRun,
  leafAt,
  leafPage,
  lruGenAge,
  NotModelled,
  nodeReclaim,
  PAGE_SIZE,
  type Pfn,
  ptePresent,
  refuse,
  splitHugePagesAll,
} from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { int, unsigned, zero } from "../results.js";
import type { World } from "../world.js";
import { touchAll } from "./touchers.js";

/** What the kernel does in its own time, or is told to do through a control file. */
export const activityBindings = {
  node_reclaim: (_world, task, { node, size }) => zero(nodeReclaim(task, int(node), unsigned(size))),
  split_huge_pages: (world, _task, { value }) => {
    if (value !== 1n) throw new NotModelled("split_huge_pages of one process");
    splitHugePagesAll(world.host);
    return { observation: { any: true } };
  },
  drop_caches: (_world, _task, { value }) => zero(dropCaches(int(value))),
  compact_memory: (_world, task) => ({ ...zero(compactMemory(task)), observation: { any: true } }),
  ksm_run: (world, _task, { full_scans }) => {
    const { pagesShared, pagesSharing } = ksmRun(world.host, int(full_scans));
    return { observation: { pages_shared: pagesShared, pages_sharing: pagesSharing, any: true } };
  },
  lru_gen_age: (_world, task, { node, times }) => {
    for (let walk = 0; walk < int(times); walk++) lruGenAge(task.mm, int(node));
    return { observation: { any: true } };
  },
  damon: (world, task, { ops, addr, frame_of, offset, length, toucher }) => {
    // By the time that DAMON samples, what was just touched is on the LRU.
    world.host.lru.drain();
    if (ops === "fvaddr") {
      const start = unsigned(addr ?? 0n);
      const pages = Array.from(
        { length: Math.ceil(unsigned(length) / PAGE_SIZE) },
        (_, page) => start + page * PAGE_SIZE,
      );
      for (const page of pages) damonVaMkold(task.mm, page);
      touchAll(world, task, toucher);
      for (const page of pages) damonVaYoung(task.mm, page);
    } else {
      const frame = frameOf(world, frame_of, unsigned(offset));
      if (frame !== null) damonPaMkold(world.host, frame);
      touchAll(world, task, toucher);
      if (frame !== null) damonPaYoung(world.host, frame);
    }
    return { observation: { any: true } };
  },
  damon_stat: (world) => {
    if (world.host.hasDamonStat) return { observation: { any: true } };
    return {
      refusal: refuse("ENOENT", "param_set_bool", "the kernel is built without CONFIG_DAMON_STAT"),
      observation: { any: true },
    };
  },
} satisfies Bindings;

/** The frame behind an offset of a mapping, or of a guest_memfd, as it is. */
function frameOf(world: World, name: string | undefined, offset: number): Pfn | null {
  if (name === undefined) throw new NotModelled("damon(paddr) of no frame");
  const value = Number(world.names.get(name) ?? 0n);
  if (world.lengthOf(name) > 0) {
    const leaf = leafAt(world.vmm.mm, value + offset);
    return leaf !== null && ptePresent(leaf.pte) ? leafPage(leaf, value + offset) : null;
  }
  const inode = world.vmm.process.file(value)?.inode;
  return inode?.pages.at(offset / PAGE_SIZE) || null;
}
