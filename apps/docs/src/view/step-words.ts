import {
  type Observation,
  type ObservationField,
  renderExit,
  renderFault,
  renderField,
  renderNotifier,
} from "@kvmm/scenario";

/** Something that happened in a step, for the time line. */
export interface Happening {
  readonly kind: "result" | "error" | "notifier" | "fault" | "exit" | "other";
  readonly text: string;
  /** How often in a row. */
  readonly times: number;
}

const SHOWN_OTHERWISE: ReadonlySet<string> = new Set([
  "ret",
  "errno",
  "notifiers",
  "faults",
  "exits",
  "stage2",
  "stage2_levels",
  "ipa_range",
  "frames",
  "value",
  "any",
  "unknown",
]);

/** What was observed in a step, in the order in which people ask. */
export function happenings(observed: Observation): readonly Happening[] {
  const list: Happening[] = [];
  const add = (kind: Happening["kind"], text: string) => {
    const last = list.at(-1);
    if (last?.kind === kind && last.text === text) list[list.length - 1] = { ...last, times: last.times + 1 };
    else list.push({ kind, text, times: 1 });
  };
  if (observed.errno !== undefined) add("error", observed.errno);
  else if (observed.ret !== undefined && observed.ret !== 0) add("result", `returns ${observed.ret}`);
  for (const notifier of observed.notifiers ?? [])
    add("notifier", `MMU notifier: ${renderNotifier(notifier)}`);
  for (const fault of observed.faults ?? []) add("fault", `stage-2 fault: ${renderFault(fault)}`);
  for (const exit of observed.exits ?? []) add("exit", `does not complete: ${renderExit(exit)}`);
  if (typeof observed.value === "number") add("other", `value 0x${observed.value.toString(16)}`);
  for (const field of Object.keys(observed) as ObservationField[]) {
    if (!SHOWN_OTHERWISE.has(field)) add("other", `${field} ${renderField(observed, field)}`);
  }
  return list;
}

/** A field that two runs of the same step disagree on. */
export interface Disagreement {
  readonly field: string;
  readonly here: string;
  readonly there: string;
}

export function disagreements(here: Observation, there: Observation): readonly Disagreement[] {
  const fields = new Set([...Object.keys(here), ...Object.keys(there)]) as Set<ObservationField>;
  return [...fields]
    .filter((field) => JSON.stringify(here[field]) !== JSON.stringify(there[field]))
    .map((field) => ({ field, here: renderField(here, field), there: renderField(there, field) }));
}
