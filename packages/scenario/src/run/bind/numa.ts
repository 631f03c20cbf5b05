import {
  getMempolicy,
  isRefusal,
  mbind,
  migrateTaskPages,
  movePages,
  NotModelled,
  type PolicyMode,
  refuse,
  setMempolicy,
  taskNumaWork,
  whereArePages,
} from "@kvmm/mm-core";
import { policyModeFlags, policyModes } from "../../format/constants/mempolicy.js";
import type { FaultObservation, Observation } from "../../format/observation.js";
import type { Bindings, CallOutcome } from "../outcome.js";
import { count, int, unsigned, zero } from "../results.js";
import type { World } from "../world.js";
import { touchAll } from "./touchers.js";

/** Scans in a step of `numa_balancing`: enough for the first ones, which scan everything, and for later ones. */
const SCANS = 6;

function modeOf(value: bigint): PolicyMode | undefined {
  return Object.entries(policyModes).find(([, number]) => BigInt(number) === value)?.[0] as
    | PolicyMode
    | undefined;
}

const unknownMode = (mode: bigint): CallOutcome => ({
  refusal: refuse("EINVAL", "sanitize_mpol_flags", `mode ${mode} is unknown`),
});

export const numaBindings = {
  mbind: (_world, task, { addr, length, mode, mode_flags, nodemask, flags }) => {
    const name = modeOf(mode);
    if (name === undefined) return unknownMode(mode);
    const nodes = nodemask.map(Number);
    return zero(mbind(task, unsigned(addr), unsigned(length), name, unsigned(mode_flags), nodes, int(flags)));
  },
  set_mempolicy: (_world, task, { mode, mode_flags, nodemask }) => {
    const name = modeOf(mode);
    return name === undefined
      ? unknownMode(mode)
      : zero(setMempolicy(task, name, unsigned(mode_flags), nodemask.map(Number)));
  },
  get_mempolicy: (_world, task, { addr, flags }) => {
    const info = getMempolicy(task, unsigned(addr), int(flags));
    if (isRefusal(info)) return { refusal: info };
    const modeFlags = Object.entries(policyModeFlags).filter(([, bit]) => (info.modeFlags & bit) !== 0);
    const observation: Observation = {
      mode: info.mode,
      ...(modeFlags.length === 0 ? {} : { mode_flags: modeFlags.map(([name]) => name) }),
      nodemask: info.nodes,
    };
    return { observation };
  },
  move_pages: (_world, task, { addr, count: pages, stride, node, flags }) => {
    if (node === undefined) {
      return { observation: { status: whereArePages(task, unsigned(addr), int(pages), unsigned(stride)) } };
    }
    const moved = movePages(task, unsigned(addr), int(pages), unsigned(stride), int(node), int(flags));
    return isRefusal(moved)
      ? { refusal: moved }
      : { observation: { ret: moved.failed, status: moved.status } };
  },
  migrate_pages: (_world, task, { pid, old_nodes, new_nodes }) => {
    if (pid !== 0n) throw new NotModelled("migrate_pages of another process");
    return count(migrateTaskPages(task, old_nodes.map(Number), new_nodes.map(Number)));
  },
  numa_balancing: (world, task, { mode, toucher }) => balance(world, task, int(mode), toucher),
} satisfies Bindings;

/**
 * kernel.numa_balancing set to `mode` while the VMM, on CPU 1, and the touchers keep using the memory: scans and
 * touches in turn. What the kernel does in its own time is here done in one order of many.
 */
function balance(
  world: World,
  task: World["vmm"],
  mode: number,
  toucher: readonly ("host" | "guest")[],
): CallOutcome {
  task.cpu.set(1);
  const faults: FaultObservation[] = [];
  // Explored beside other threads, a further scan shows what the first one did.
  const scans = world.store.task === null ? SCANS : 1;
  for (let scan = 0; scan < scans; scan++) {
    if (mode !== 0) taskNumaWork(task, mode);
    faults.push(...touchAll(world, task, toucher));
  }
  return { observation: { ...(faults.length === 0 ? {} : { faults }), any: true } };
}
