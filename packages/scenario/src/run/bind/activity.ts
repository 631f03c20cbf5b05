import { compactMemory, dropCaches, ksmRun, nodeReclaim } from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { int, unsigned, zero } from "../results.js";

/** What the kernel does in its own time, or is told to do through a control file. */
export const activityBindings = {
  node_reclaim: (_world, task, { node, size }) => zero(nodeReclaim(task, int(node), unsigned(size))),
  drop_caches: (_world, _task, { value }) => zero(dropCaches(int(value))),
  compact_memory: (_world, task) => ({ ...zero(compactMemory(task)), observation: { any: true } }),
  ksm_run: (world, _task, { full_scans }) => {
    const { pagesShared, pagesSharing } = ksmRun(world.host, int(full_scans));
    return { observation: { pages_shared: pagesShared, pages_sharing: pagesSharing, any: true } };
  },
} satisfies Bindings;
