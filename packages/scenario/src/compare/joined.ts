import type { Observation } from "../format/observation.js";
import type { Step } from "../format/step.js";
import type { NotifierList } from "./notifiers.js";
import type { Places } from "./place.js";

/**
 * The notifiers of each step, with those of the `joined` steps before it in front. A joined step has none of its
 * own left. Where they are listed is the same to those who compare: a recording lists them at the later step,
 * a model may list them at either.
 */
export function joinedNotifiers(
  steps: readonly Step[],
  observed: readonly Observation[],
  places: readonly Places[],
): readonly (readonly NotifierList[])[] {
  const lists: NotifierList[][] = [];
  let waiting: NotifierList[] = [];
  for (const [index, step] of steps.entries()) {
    const notifiers = observed[index]?.notifiers ?? [];
    // A notifier may be told relative to the name that its own step gives.
    const own: NotifierList[] = [{ notifiers, places: places[index] ?? new Map() }];
    if (step.joined === true && index < steps.length - 1) {
      waiting.push(...own);
      lists.push([]);
    } else {
      lists.push([...waiting, ...own]);
      waiting = [];
    }
  }
  return lists;
}

/** The fields that nothing is known of at a step: those of the joined steps before it count as well. */
export function joinedUnknown(
  steps: readonly Step[],
  observed: readonly Observation[],
): readonly ReadonlySet<string>[] {
  const sets: Set<string>[] = [];
  let waiting: string[] = [];
  for (const [index, step] of steps.entries()) {
    const unknown = observed[index]?.unknown ?? [];
    sets.push(new Set([...unknown, ...waiting.filter((field) => field === "notifiers")]));
    waiting = step.joined === true ? [...waiting, ...unknown] : [];
  }
  return sets;
}
