import type { Node } from "../addresses.js";
import { type Result, refuse } from "../errno.js";
import type { Host } from "../host.js";
import type { Task } from "../task.js";
import { deferredSplitScan } from "../thp/deferred-split.js";

/**
 * A size written to /sys/devices/system/node/nodeN/reclaim (node_reclaim_store): reclaims no mapped page while
 * vm.zone_reclaim_mode is 0, and the model knows of no others that could go.
 */
export function nodeReclaim(task: Task, node: Node, bytes: number): Result<0> {
  if (node >= task.process.host.nodes)
    return refuse("ENOENT", "node_reclaim_store", `there is no node ${node}`);
  if (bytes < 4096) return 0;
  return refuse(
    "EAGAIN",
    "user_proactive_reclaim",
    "nothing that is not mapped could be reclaimed (vm.zone_reclaim_mode 0)",
  );
}

/**
 * drop_caches_sysctl_handler(): page cache that is clean and not mapped goes (1, 3). Of what is modelled nothing is
 * ever clean: files in memory are dirty from the first write or allocation on. And the kernel's caches shrink (2, 3), which
 * splits huge pages that are mapped in part.
 */
export function dropCaches(host: Host, value: number): Result<0> {
  if (value < 1 || value > 4)
    return refuse("EINVAL", "drop_caches_sysctl_handler", `value ${value}`, "1 to 4");
  if ((value & 1) !== 0) host.lru.drain();
  if ((value & 2) !== 0) deferredSplitScan(host);
  return 0;
}

/**
 * sysctl_compaction_handler(): compaction of every node. Where free memory lies is not modelled, so that nothing has to
 * move, but for what compactRange() is told; what else the kernel may do at its discretion is not shown.
 */
export function compactMemory(task: Task): 0 {
  task.process.host.lru.drain();
  return 0;
}
