import { nameFunctions } from "@kvmm/interleave";
import type { Node } from "../addresses.js";

/** Where a huge page that replaces small ones may come from. */
export interface CollapseTarget {
  readonly node: Node;
  readonly allowed: readonly Node[];
}

/**
 * collapse_find_target_node(): a node with most of the pages.
 * @param load how many of them are on each node
 */
export function collapseFindTargetNode(load: readonly number[]): CollapseTarget {
  const most = Math.max(...load);
  const allowed = load.flatMap((count, node) => (count === most ? [node] : []));
  return { node: allowed[0]!, allowed };
}

nameFunctions({
  collapse_find_target_node: collapseFindTargetNode,
});
