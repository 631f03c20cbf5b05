import {
  compactMemory,
  compactRange,
  dropCaches,
  khugepagedRun,
  ksmRun,
  lruGenAge,
  NotModelled,
  nodeReclaim,
  refuse,
  shrinkLruvec,
  splitHugePagesAll,
} from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { int, unsigned, zero } from "../results.js";
import { damon } from "./damon.js";
import { damos } from "./damos.js";
import { pageIdleBindings } from "./page-idle.js";

/** What the kernel does in its own time, or is told to do through a control file. */
export const activityBindings = {
  ...pageIdleBindings,
  node_reclaim: (_world, task, { node, size }) => zero(nodeReclaim(task, int(node), unsigned(size))),
  split_huge_pages: (world, _task, { value }) => {
    if (value !== 1n) throw new NotModelled("split_huge_pages of one process");
    splitHugePagesAll(world.host);
    return { observation: { any: true } };
  },
  drop_caches: (world, _task, { value }) => zero(dropCaches(world.host, int(value))),
  compact_memory: (_world, task, { addr, length }) => {
    const start = unsigned(addr ?? 0n);
    if (addr !== undefined) compactRange(task, start, start + unsigned(length));
    return { ...zero(compactMemory(task)), observation: { any: true } };
  },
  ksm_run: (world, _task, { full_scans }) => {
    const { pagesShared, pagesSharing } = ksmRun(world.host, int(full_scans));
    return { observation: { pages_shared: pagesShared, pages_sharing: pagesSharing, any: true } };
  },
  lru_gen_age: (_world, task, { node, times }) => {
    for (let walk = 0; walk < int(times); walk++) lruGenAge(task.mm, int(node));
    return { observation: { any: true } };
  },
  memory_reclaim: (_world, task, { addr, length }) => {
    const start = unsigned(addr);
    shrinkLruvec(task.mm, start, start + unsigned(length));
    return {};
  },
  khugepaged: (world, _task, { full_scans }) => {
    khugepagedRun(world.host, int(full_scans));
    return {};
  },
  damon,
  damos,
  damon_stat: (world) => {
    if (world.host.hasDamonStat) return { observation: { any: true } };
    return {
      refusal: refuse("ENOENT", "param_set_bool", "the kernel is built without CONFIG_DAMON_STAT"),
      observation: { any: true },
    };
  },
} satisfies Bindings;
