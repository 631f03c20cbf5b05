import type { Behaviour } from "../kernels/behaviour.js";

/**
 * A named change of behaviour: what a kernel patch does to the decision points of the model. It is a module, not a
 * diff: its author says, in code, which decision falls differently.
 */
export interface Patch {
  /** `gmem-ignore-notifiers-rfc` */
  readonly name: string;
  /** One line: the subject of the mail or the commit. */
  readonly title: string;
  /** Where it comes from: the mail, the commit, or "own reading". */
  readonly origin: string;
  /** What it changes, in words. */
  readonly text: string;
  /** The decision points that it changes, by package. What is left out stays as it is. */
  readonly change: BehaviourChange;
}

/** For each part of the model, its behaviour with the patch from its behaviour without. */
export type BehaviourChange = {
  readonly [Part in keyof Behaviour]?: (base: Behaviour[Part]) => Behaviour[Part];
};

/**
 * Makes a patch, checked: for patches of one's own (`--patch ./mine.mjs`, whose default export it is).
 * @throws TypeError that says which field is wrong
 */
export function definePatch(patch: Patch): Patch {
  const problem = patchProblem(patch);
  if (problem !== undefined) throw new TypeError(`definePatch: ${problem}`);
  return patch;
}

/** What is wrong with something that should be a patch, or undefined. */
export function patchProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null)
    return "a patch is an object made by definePatch({ name, ... })";
  const patch = value as Record<string, unknown>;
  for (const field of ["name", "title", "origin", "text"]) {
    if (typeof patch[field] !== "string" || patch[field] === "")
      return `${field} should be a text, not ${show(patch[field])}`;
  }
  if (!/^[a-z0-9][a-z0-9-]*$/.test(patch["name"] as string)) {
    return `name should be lower-case words joined by "-", not ${show(patch["name"])}`;
  }
  const { change } = patch;
  if (typeof change !== "object" || change === null) return `change should be an object, not ${show(change)}`;
  for (const [part, changed] of Object.entries(change)) {
    if (!PARTS.includes(part)) return `change.${part} is no part of the model; they are ${PARTS.join(", ")}`;
    if (typeof changed !== "function")
      return `change.${part} should be a function of the base behaviour, not ${show(changed)}`;
  }
  return undefined;
}

const PARTS: readonly string[] = ["mm", "kvm", "arm64"] satisfies (keyof Behaviour)[];

function show(value: unknown): string {
  return value === undefined ? "missing" : (JSON.stringify(value) ?? typeof value);
}

/** The behaviour with a patch, from the behaviour without. */
export function applyPatch(base: Behaviour, { change }: Patch): Behaviour {
  return {
    mm: change.mm?.(base.mm) ?? base.mm,
    kvm: change.kvm?.(base.kvm) ?? base.kvm,
    arm64: change.arm64?.(base.arm64) ?? base.arm64,
  };
}
