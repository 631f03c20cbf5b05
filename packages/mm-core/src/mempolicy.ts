import { Ordered, RwLock, Shared, type Store } from "@kvmm/interleave";
import type { Node, Pgoff } from "./addresses.js";
import type { Task } from "./task.js";
import type { Vma } from "./vma.js";

export type PolicyMode =
  | "MPOL_DEFAULT"
  | "MPOL_PREFERRED"
  | "MPOL_BIND"
  | "MPOL_INTERLEAVE"
  | "MPOL_LOCAL"
  | "MPOL_PREFERRED_MANY"
  | "MPOL_WEIGHTED_INTERLEAVE";

/** struct mempolicy; immutable. */
export class Mempolicy extends Shared {
  constructor(
    store: Store,
    readonly mode: PolicyMode,
    readonly nodes: readonly Node[],
    /** MPOL_F_MOF: pages are checked, and migrated, on a NUMA hinting fault. */
    readonly migrateOnFault: boolean,
    /** MPOL_F_MORON: towards the node of the CPU that touches them. */
    readonly towardsToucher: boolean,
    /** The mode flags that user space gave, for get_mempolicy. */
    readonly modeFlags: number,
  ) {
    super(store, `mempolicy ${mode}`);
  }

  override restore(): void {}
}

/** mpol_equal() */
export function equalPolicies(a: Mempolicy | null, b: Mempolicy | null): boolean {
  if (a === null || b === null || a === b) return a === b;
  return a.mode === b.mode && a.modeFlags === b.modeFlags && a.nodes.join() === b.nodes.join();
}

/** One range of a file that has a policy (struct sp_node). */
class PolicyRange extends Shared {
  constructor(
    store: Store,
    readonly start: Pgoff,
    readonly end: Pgoff,
    readonly policy: Mempolicy,
  ) {
    super(store, "sp_node");
  }

  override restore(): void {}
}

/** struct shared_policy: the policies of a file, by page offset. */
export class SharedPolicy {
  readonly #lock: RwLock;
  readonly #ranges: Ordered<PolicyRange>;

  constructor(
    private readonly store: Store,
    name: string,
  ) {
    this.#lock = new RwLock(store, `${name} shared_policy->lock`);
    this.#ranges = new Ordered(store, `${name} shared_policy`, { lock: this.#lock });
  }

  /** mpol_shared_policy_lookup() */
  lookup(index: Pgoff): Mempolicy | null {
    this.#lock.readLock();
    const found = this.#ranges.first(index, index + 1);
    this.#lock.readUnlock();
    return found === undefined ? null : found.policy;
  }

  /** mpol_set_shared_policy(); null removes. */
  set(start: Pgoff, end: Pgoff, policy: Mempolicy | null): void {
    this.#lock.writeLock();
    for (const old of this.#ranges.overlapping(start, end)) {
      this.#ranges.delete(old.start);
      if (old.start < start) this.#add(old.start, start, old.policy);
      if (old.end > end) this.#add(end, old.end, old.policy);
    }
    if (policy !== null) this.#add(start, end, policy);
    this.#lock.writeUnlock();
  }

  #add(start: Pgoff, end: Pgoff, policy: Mempolicy): void {
    const range = this.store.create(() => new PolicyRange(this.store, start, end, policy));
    this.#ranges.set(start, end, range);
  }
}

/** __get_vma_policy(): the policy of the file, or of the mapping; null where none was set. */
export function ownPolicy(vma: Vma, address: number): Mempolicy | null {
  const { file, policy } = vma.fields;
  return file?.ops.getPolicy === undefined ? policy : file.ops.getPolicy(vma, address);
}

/**
 * get_task_policy(): the task's, or else the default, which prefers the node that the task runs on and lets NUMA
 * balancing migrate.
 */
export function taskPolicy(task: Task): Mempolicy {
  return task.mempolicy.get() ?? task.process.host.preferredNode[task.node]!;
}

/** get_vma_policy() */
export function vmaPolicy(task: Task, vma: Vma, address: number): Mempolicy {
  return ownPolicy(vma, address) ?? taskPolicy(task);
}

/** vma_policy_mof(): does NUMA balancing look at this mapping at all? */
export function policyMigratesOnFault(task: Task, vma: Vma): boolean {
  const own = ownPolicy(vma, vma.fields.start);
  if (own !== null) return own.migrateOnFault;
  return task.process.host.behaviour.policyFallsBackToTask && taskPolicy(task).migrateOnFault;
}

/** Which node a new page goes to, and to which it may (policy_nodemask). */
export function placement(
  policy: Mempolicy,
  local: Node,
  index: number,
): { node: Node; allowed: readonly Node[] | null } {
  const { nodes } = policy;
  switch (policy.mode) {
    case "MPOL_PREFERRED":
      return { node: nodes[0] ?? local, allowed: null };
    case "MPOL_PREFERRED_MANY":
      return { node: nodes.includes(local) ? local : nodes[0]!, allowed: null };
    case "MPOL_BIND":
      return { node: nodes.includes(local) ? local : nodes[0]!, allowed: nodes };
    case "MPOL_INTERLEAVE":
    case "MPOL_WEIGHTED_INTERLEAVE":
      return { node: nodes[index % nodes.length]!, allowed: null };
    default:
      return { node: local, allowed: null };
  }
}
