import { type Hva, isPageAligned, type Node, PAGE_SIZE, pageAlign } from "../addresses.js";
import { ERRNO, type Errno, hex, isRefusal, type Result, refuse } from "../errno.js";
import { leafAt } from "../leaf.js";
import { equalPolicies, Mempolicy, ownPolicy, type PolicyMode, placement, taskPolicy } from "../mempolicy.js";
import { migratePages } from "../migrate-list.js";
import { NotModelled } from "../not-modelled.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { MpolMf, queuePagesRange } from "../queue-pages.js";
import type { Task } from "../task.js";
import { isolateVma, maySplit, mergeWithNeighbours } from "../vma-tree.js";

export const MpolFlag = { numaBalancing: 1 << 13, relativeNodes: 1 << 14, staticNodes: 1 << 15 } as const;
export const GetMempolicyFlag = { node: 1, addr: 2, memsAllowed: 4 } as const;

/** mpol_new(), mpol_set_nodemask(): null is the default policy. */
function newPolicy(
  task: Task,
  mode: PolicyMode,
  modeFlags: number,
  nodes: readonly Node[],
): Result<Mempolicy | null> {
  const { host } = task.process;
  const fn = "mpol_new";
  const make = (m: PolicyMode, list: readonly Node[], towards = false): Mempolicy =>
    host.store.create(() => new Mempolicy(host.store, m, list, towards, towards, modeFlags));
  if ((modeFlags & ~(MpolFlag.numaBalancing | MpolFlag.relativeNodes | MpolFlag.staticNodes)) !== 0) {
    return refuse("EINVAL", "sanitize_mpol_flags", `mode flags ${hex(modeFlags)} are unknown`);
  }
  const balancing = (modeFlags & MpolFlag.numaBalancing) !== 0;
  if (balancing && mode !== "MPOL_BIND" && mode !== "MPOL_PREFERRED_MANY") {
    return refuse(
      "EINVAL",
      "sanitize_mpol_flags",
      `MPOL_F_NUMA_BALANCING with ${mode}`,
      "MPOL_BIND or MPOL_PREFERRED_MANY",
    );
  }
  if (mode === "MPOL_DEFAULT") {
    return nodes.length === 0 ? null : refuse("EINVAL", fn, "MPOL_DEFAULT with nodes", "an empty node mask");
  }
  if (mode === "MPOL_LOCAL" || (mode === "MPOL_PREFERRED" && nodes.length === 0)) {
    if (nodes.length > 0) return refuse("EINVAL", fn, "MPOL_LOCAL with nodes", "an empty node mask");
    return make("MPOL_LOCAL", []);
  }
  if (nodes.length === 0) return refuse("EINVAL", fn, `${mode} without nodes`, "at least one node");
  const online = nodes.filter((node) => node < host.nodes);
  if (online.length === 0)
    return refuse("EINVAL", "mpol_set_nodemask", `none of the nodes ${nodes.join(", ")} is online`);
  return make(mode, mode === "MPOL_PREFERRED" ? online.slice(0, 1) : online, balancing);
}

/** mbind(2): sets the policy of a range, and with MPOL_MF_MOVE moves the pages that lie elsewhere. */
export function mbind(
  task: Task,
  addr: Hva,
  length: number,
  mode: PolicyMode,
  modeFlags: number,
  nodes: readonly Node[],
  flags: number,
): Result<0> {
  const fn = "do_mbind";
  if ((flags & ~(MpolMf.strict | MpolMf.move | MpolMf.moveAll)) !== 0) {
    return refuse("EINVAL", fn, `flags ${hex(flags)}`, "MPOL_MF_STRICT, MPOL_MF_MOVE, MPOL_MF_MOVE_ALL");
  }
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  const end = addr + pageAlign(length);
  if (end >= 2 ** 64) return refuse("EINVAL", fn, `${hex(addr)} plus ${hex(length)} wraps`);
  if (end === addr) return 0;
  const policy = newPolicy(task, mode, modeFlags, nodes);
  if (isRefusal(policy)) return policy;
  const { mm } = task;
  const { host } = mm;
  const isStrict = (flags & MpolMf.strict) !== 0 && mode !== "MPOL_DEFAULT";
  const moves = (flags & (MpolMf.move | MpolMf.moveAll)) !== 0;
  if (moves) host.lru.drain();
  mm.mmapLock.writeLock();
  const vmas = mm.vmas.overlapping(addr, end);
  // queue_pages_range(): a hole is refused, but for the default policy.
  let covered = addr;
  for (const vma of vmas) {
    if (vma.fields.start > covered) break;
    covered = vma.fields.end;
  }
  if (vmas.length === 0 || (policy !== null && covered < end)) {
    mm.mmapLock.writeUnlock();
    return refuse("EFAULT", "queue_pages_range", `nothing is mapped at ${hex(covered)}`);
  }
  const { queued, failed } =
    moves || isStrict
      ? queuePagesRange(
          mm,
          addr,
          end,
          isStrict ? flags : flags & ~MpolMf.strict,
          (node) => !nodes.includes(node),
        )
      : { queued: [], failed: 0 };
  if (isStrict && !moves && failed > 0) {
    mm.mmapLock.writeUnlock();
    return refuse(
      "EIO",
      "queue_pages_range",
      "a page is not on the nodes of the policy (MPOL_MF_STRICT)",
      "MPOL_MF_MOVE",
    );
  }
  for (let at = addr; at < end; ) {
    const vma = mm.vmas.first(at, end);
    if (vma === undefined) break;
    // mbind_range(), vma_replace_policy()
    const fields = vma.fields;
    const from = Math.max(at, fields.start);
    const to = Math.min(end, fields.end);
    if (!equalPolicies(fields.policy, policy)) {
      const unsplittable = maySplit(vma, from, to);
      if (unsplittable !== undefined) {
        mm.mmapLock.writeUnlock();
        return unsplittable;
      }
      const part = isolateVma(vma, from, to);
      const refused = fields.file?.ops.setPolicy?.(part, from, to, policy);
      if (refused !== undefined) {
        mm.mmapLock.writeUnlock();
        return refused;
      }
      part.change({ policy });
      mergeWithNeighbours(part);
    }
    at = to;
  }
  mm.mmapLock.writeUnlock();
  const target = policy ?? taskPolicy(task);
  const stayed = migratePages(
    host,
    queued.map(({ folio }) => ({
      folio,
      node: placement(target, task.node, host.frames.index.get(folio)).node,
    })),
  );
  if (isStrict && failed + stayed > 0)
    return refuse("EIO", fn, `${failed + stayed} pages could not be moved`);
  return 0;
}

/** set_mempolicy(2) */
export function setMempolicy(
  task: Task,
  mode: PolicyMode,
  modeFlags: number,
  nodes: readonly Node[],
): Result<0> {
  const policy = newPolicy(task, mode, modeFlags, nodes);
  if (isRefusal(policy)) return policy;
  task.mempolicy.set(policy);
  return 0;
}

/** What get_mempolicy tells. */
export interface PolicyInfo {
  readonly mode: PolicyMode;
  readonly modeFlags: number;
  readonly nodes: readonly Node[];
}

/** get_mempolicy(2) */
export function getMempolicy(task: Task, addr: Hva, flags: number): Result<PolicyInfo> {
  const fn = "do_get_mempolicy";
  if ((flags & ~(GetMempolicyFlag.node | GetMempolicyFlag.addr | GetMempolicyFlag.memsAllowed)) !== 0) {
    return refuse("EINVAL", fn, `flags ${hex(flags)} are unknown`);
  }
  if ((flags & (GetMempolicyFlag.node | GetMempolicyFlag.memsAllowed)) !== 0) {
    throw new NotModelled("get_mempolicy(MPOL_F_NODE, MPOL_F_MEMS_ALLOWED)");
  }
  let policy = task.mempolicy.get();
  if ((flags & GetMempolicyFlag.addr) !== 0) {
    const { mm } = task;
    mm.mmapLock.readLock();
    const vma = mm.vmaAt(addr);
    policy = vma === undefined ? null : ownPolicy(vma, addr);
    mm.mmapLock.readUnlock();
    if (vma === undefined) return refuse("EFAULT", fn, `nothing is mapped at ${hex(addr)}`);
  } else if (addr !== 0) {
    return refuse("EINVAL", fn, "an address without MPOL_F_ADDR");
  }
  return policy === null
    ? { mode: "MPOL_DEFAULT", modeFlags: 0, nodes: [] }
    : { mode: policy.mode, modeFlags: policy.modeFlags, nodes: policy.nodes };
}

/**
 * move_pages(2) that only asks (do_pages_stat): per page its node, or a negative errno.
 * @param stride bytes between the pages asked for
 */
export function whereArePages(
  task: Task,
  addr: Hva,
  count: number,
  stride: number = PAGE_SIZE,
): readonly number[] {
  const { mm } = task;
  const { frames } = mm.host;
  const status: number[] = [];
  mm.mmapLock.readLock();
  for (let i = 0; i < count; i++) {
    const address = addr + i * stride;
    const vma = mm.vmaAt(address);
    const leaf = leafAt(mm, address);
    let error: Errno | null = null;
    if (vma === undefined) error = "EFAULT";
    else if (leaf === null || !ptePresent(leaf.pte)) error = "ENOENT";
    else if (pteHas(leaf.pte, PteFlag.special)) error = "EFAULT";
    status.push(error === null ? frames.nodeOf(ptePfn(leaf!.pte)) : -ERRNO[error]);
  }
  mm.mmapLock.readUnlock();
  return status;
}
