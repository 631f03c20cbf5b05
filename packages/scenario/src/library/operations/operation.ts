import type { Step } from "../../format/step.js";
import { type MemoryKind, partOf, rangeOf } from "../memory-kinds.js";

/** What an operation is about: tables of operations are in this order. */
export const operationGroups = [
  "mappings",
  "protection",
  "advice",
  "processes",
  "accesses by the host",
  "migration",
  "ageing and reclaim",
  "same-page merging",
  "userfaultfd and pagemap",
  "the file behind it",
] as const;

export type OperationGroup = (typeof operationGroups)[number];

/** Something that the host does to the memory behind a slot. */
export interface Operation {
  /** The part of a recording's id before the `@`. */
  readonly name: string;
  readonly title: string;
  readonly group: OperationGroup;
  /** Do reviews run it? The others are in `kvmm matrix` only. */
  readonly inReviews: boolean;
  /** Does user space ask for the guest's memory itself to go, so that stage 2 has to lose it in any case? */
  readonly takesMemory: boolean;
  /** The VMM touches the memory before the guest does. */
  readonly hostTouchesFirst?: boolean;
  /** Its steps on a kind of memory, or undefined where there is no such thing. */
  readonly steps: (memory: MemoryKind) => readonly Step[] | undefined;
}

type Range = Readonly<{ addr: string; length: string }>;

/** Makes operations of a group that act on where user space maps the memory. */
export function onMapping(group: OperationGroup) {
  return (name: string, title: string, steps: (ram: Range, part: Range) => readonly Step[]): Operation => ({
    name,
    title,
    group,
    inReviews: false,
    takesMemory: false,
    steps: (memory) => steps(rangeOf(memory), partOf(memory)),
  });
}

/** An operation that reviews run as well. */
export function inReviews(operation: Operation): Operation {
  return { ...operation, inReviews: true };
}

export function advise(range: Range, advice: string): Step {
  return { call: "madvise", args: { ...range, advice } };
}
