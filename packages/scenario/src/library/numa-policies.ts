import type { Step } from "../format/step.js";
import { RAM_RANGE } from "./memory-kinds.js";

/** A memory policy under which NUMA balancing may, or may not, look at a mapping. */
export interface NumaPolicy {
  /** As recordings name it: `numa-NAME-host@gmem`. */
  readonly name: string;
  /** Policy of the file (mbind), in words. */
  readonly ofFile: string;
  /** Policy of the task (set_mempolicy), in words. */
  readonly ofTask: string;
  readonly steps: readonly Step[];
  /** kernel.numa_balancing */
  readonly mode: 0 | 1 | 2;
}

const NONE = "none";
const DEFAULT = "default";
const NB = "MPOL_F_NUMA_BALANCING";

function inWords(mode: string, nodemask: readonly number[], modeFlags: readonly string[]): string {
  const nodes = nodemask.length === 0 ? "" : ` ${nodemask.join(",")}`;
  return `${[mode, ...modeFlags].join(" | ")}${nodes}`;
}

function byMbind(
  name: string,
  mode: string,
  nodemask: readonly number[],
  modeFlags: readonly string[] = [],
): NumaPolicy {
  const flags = modeFlags.length === 0 ? {} : { mode_flags: modeFlags };
  return {
    name: `mbind-${name}`,
    ofFile: inWords(mode, nodemask, modeFlags),
    ofTask: DEFAULT,
    steps: [{ call: "mbind", args: { ...RAM_RANGE, mode, ...flags, nodemask } }],
    mode: 1,
  };
}

function byTask(
  name: string,
  mode: string,
  nodemask: readonly number[],
  modeFlags: readonly string[] = [],
): NumaPolicy {
  const flags = modeFlags.length === 0 ? {} : { mode_flags: modeFlags };
  return {
    name: `smp-${name}`,
    ofFile: NONE,
    ofTask: inWords(mode, nodemask, modeFlags),
    steps: [{ call: "set_mempolicy", args: { mode, ...flags, nodemask } }],
    mode: 1,
  };
}

const none = { ofFile: NONE, ofTask: DEFAULT, steps: [] };

export const numaPolicies: readonly NumaPolicy[] = [
  { ...none, name: "default", mode: 1 },
  { ...none, name: "nb-tiering", mode: 2 },
  { ...none, name: "nb-off", mode: 0 },
  byMbind("default", "MPOL_DEFAULT", []),
  byMbind("bind0", "MPOL_BIND", [0]),
  byMbind("bind0-nb", "MPOL_BIND", [0], [NB]),
  byMbind("bind01-nb", "MPOL_BIND", [0, 1], [NB]),
  byMbind("preferred0", "MPOL_PREFERRED", [0]),
  byMbind("prefmany01", "MPOL_PREFERRED_MANY", [0, 1]),
  byMbind("prefmany01-nb", "MPOL_PREFERRED_MANY", [0, 1], [NB]),
  byMbind("interleave01", "MPOL_INTERLEAVE", [0, 1]),
  byMbind("winterleave01", "MPOL_WEIGHTED_INTERLEAVE", [0, 1]),
  byMbind("local", "MPOL_LOCAL", []),
  byTask("default", "MPOL_DEFAULT", []),
  byTask("bind0", "MPOL_BIND", [0]),
  byTask("bind01-nb", "MPOL_BIND", [0, 1], [NB]),
  byTask("preferred0", "MPOL_PREFERRED", [0]),
  byTask("interleave01", "MPOL_INTERLEAVE", [0, 1]),
  byTask("local", "MPOL_LOCAL", []),
];
