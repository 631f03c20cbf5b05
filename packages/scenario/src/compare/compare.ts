import type { Expression } from "../format/expression.js";
import type { Machine } from "../format/machine.js";
import type { Observation, ObservationField, Prediction } from "../format/observation.js";
import type { PageList } from "../format/page-list.js";
import { below, countPages, equalSets, toPageSet } from "../format/page-list.js";
import type { Recording } from "../format/recording.js";
import type { Step } from "../format/step.js";
import type { Difference } from "./difference.js";
import { type AccessContext, sameFaults } from "./faults.js";
import { joinedNotifiers, joinedUnknown } from "./joined.js";
import { type NotifierList, sameNotifierSets, sameNotifiers } from "./notifiers.js";
import { type Outcome, sameOutcomes } from "./outcomes.js";
import { lowestSlot, type Place, type Places, placeOf, placesOfSteps } from "./place.js";
import { sameStage2 } from "./stage2.js";
import { sameWord, sameWords } from "./word.js";

export interface CompareOptions {
  /**
   * What the names stood for before each step, where the model knows it: a prediction may then name
   * places in another way than the recording does.
   */
  readonly names?: readonly ReadonlyMap<string, bigint>[];
  /** Compare stage-2 dumps by their leaves only, as for a model without page tables. */
  readonly stage2LeavesOnly?: boolean;
}

/** What is compared with what: the part of a recording that this needs. */
export type Recorded = Pick<Recording, "steps" | "observed" | "traced"> & { readonly machine?: Machine };

/**
 * Holds a prediction against a recording, by the rules of FORMAT.md, "When a prediction agrees". The list is
 * empty when they agree.
 */
export function compare(
  recorded: Recorded,
  predicted: readonly Prediction[],
  options: CompareOptions = {},
): readonly Difference[] {
  const { steps, observed } = recorded;
  const pageSize = recorded.machine?.page_size ?? 4096;
  const places = withValues(placesOfSteps(steps, pageSize), options.names);
  const unknown = joinedUnknown(steps, observed);
  const expectedNotifiers = joinedNotifiers(steps, observed, places);
  const predictedNotifiers = joinedNotifiers(steps, predicted, places);
  const differences: Difference[] = [];
  for (const [index, step] of steps.entries()) {
    const prediction = predicted[index];
    if (prediction === undefined) {
      differences.push({
        step: index,
        call: step.call,
        field: "step",
        expected: undefined,
        predicted: undefined,
      });
      continue;
    }
    const here: StepComparison = {
      step,
      expected: observed[index] ?? {},
      predicted: prediction,
      expectedNotifiers: expectedNotifiers[index] ?? [],
      predictedNotifiers: predictedNotifiers[index] ?? [],
      context: contextOf(steps, index, places, pageSize),
      traced: recorded.traced !== false,
      leavesOnly: options.stage2LeavesOnly === true,
      vmType: recorded.machine?.vm_type,
    };
    for (const field of differingFields(here, unknown[index] ?? new Set()))
      differences.push({ step: index, call: step.call, field, ...bothSides(here, field) });
  }
  return differences;
}

interface StepComparison {
  readonly step: Step;
  readonly expected: Observation;
  readonly predicted: Prediction;
  readonly expectedNotifiers: readonly NotifierList[];
  readonly predictedNotifiers: readonly NotifierList[];
  readonly context: AccessContext;
  readonly traced: boolean;
  readonly leavesOnly: boolean;
  readonly vmType: number | undefined;
}

function withValues(places: readonly Places[], names: CompareOptions["names"]): readonly Places[] {
  if (names === undefined) return places;
  return places.map((known, index) => {
    const given = [...(names[index] ?? [])].map(([name, value]): [string, Place] => [
      name,
      { symbols: "", offset: value },
    ]);
    return new Map([...known, ...given]);
  });
}

function contextOf(
  steps: readonly Step[],
  index: number,
  places: readonly Places[],
  pageSize: number,
): AccessContext {
  const here = places[index] ?? new Map<string, Place>();
  const args = steps[index]?.args ?? {};
  const own = args["gpa"] ?? args["addr"];
  const isPlace = typeof own === "string" || typeof own === "number" || typeof own === "bigint";
  const base = isPlace
    ? placeOf(own as Expression, here, pageSize)
    : lowestSlot(steps, index, places, pageSize);
  return { base, places: here, pageSize };
}

type Rule = (here: StepComparison) => boolean;

const list = <T>(value: readonly T[] | undefined): readonly T[] => value ?? [];

/** Absent on both sides, or equal. */
const word =
  (field: "ret" | "errno"): Rule =>
  ({ expected, predicted }) =>
    sameWord(expected[field], predicted[field]);

/** Compared only where the recording has it: it was not measured elsewhere. */
const measured =
  (field: ObservationField, same: Rule): Rule =>
  (here) =>
    here.expected[field] === undefined || (here.predicted[field] !== undefined && same(here));

const measuredWord = (
  field:
    | "value"
    | "mode"
    | "f_type"
    | "target"
    | "flags"
    | "pages_shared"
    | "pages_sharing"
    | "stage2_levels"
    | "ipa_range",
): Rule => measured(field, ({ expected, predicted }) => sameWord(expected[field], predicted[field]));

const measuredPages = (field: "resident"): Rule =>
  measured(field, ({ expected, predicted }) => samePages(list(expected[field]), list(predicted[field])));

const samePages = (a: PageList, b: PageList) => equalSets(toPageSet(a), toPageSet(b));

const exitOutcomes = (observation: Observation): Outcome[] =>
  list(observation.exits).map(({ pages, gpa, errno, exit, signal, code, exception }) => ({
    pages,
    ...(gpa === undefined ? {} : { gpa }),
    detail: [errno, exit, signal, code, exception],
  }));

/** The code of a signal is compared where the recording knows it. */
const signalOutcomes = (observation: Observation): Outcome[] =>
  list(observation.signals).map(({ pages, signal }) => ({ pages, detail: [signal] }));

const signalCodes = (observation: Observation): Outcome[] =>
  list(observation.signals)
    .filter(({ code }) => code !== undefined)
    .map(({ pages, code }) => ({ pages, detail: [code] }));

/** How each field is compared. What is not here is not: `any`, `unknown`, `bitmap_pages`. */
const rules: Partial<Record<ObservationField, Rule>> = {
  ret: (here) =>
    word("ret")(here) ||
    (here.expected.ret === -1 && isUnknown(here, "errno") && here.predicted.errno !== undefined),
  errno: word("errno"),
  notifiers: ({ expected, expectedNotifiers, predictedNotifiers, context, traced }) => {
    if (!traced) return true;
    const same = expected.any === true ? sameNotifierSets : sameNotifiers;
    return same(expectedNotifiers, predictedNotifiers, context.pageSize);
  },
  faults: ({ expected, predicted, context, traced }) =>
    !traced || sameFaults(list(expected.faults), list(predicted.faults), context, expected.any === true),
  exits: ({ expected, predicted, context }) =>
    sameOutcomes(exitOutcomes(expected), exitOutcomes(predicted), context),
  signals: ({ expected, predicted, context }) =>
    sameOutcomes(signalOutcomes(expected), signalOutcomes(predicted), context) &&
    sameCodes(expected, predicted, context),
  value: measuredWord("value"),
  frames: measured("frames", ({ expected, predicted, context }) =>
    sameOutcomes(fates(expected), fates(predicted), context),
  ),
  bitmap: measured("bitmap", ({ expected, predicted }) => {
    const limit = expected.bitmap_pages ?? Number.MAX_SAFE_INTEGER;
    return equalSets(toPageSet(list(expected.bitmap)), below(toPageSet(list(predicted.bitmap)), limit));
  }),
  bitmap_total: ({ expected, predicted }) =>
    expected.bitmap_total === undefined || expected.bitmap_total === totalOf(predicted),
  status: measured("status", sameStatus),
  mode: measuredWord("mode"),
  mode_flags: ({ expected, predicted }) => sameWords(list(expected.mode_flags), list(predicted.mode_flags)),
  nodemask: ({ expected, predicted }) => sameWords(list(expected.nodemask), list(predicted.nodemask)),
  pages_shared: measuredWord("pages_shared"),
  pages_sharing: measuredWord("pages_sharing"),
  resident: measuredPages("resident"),
  stat: measured("stat", ({ expected, predicted }) =>
    Object.entries(expected.stat ?? {}).every(([name, value]) => sameWord(value, predicted.stat?.[name])),
  ),
  f_type: measuredWord("f_type"),
  target: measuredWord("target"),
  flags: measuredWord("flags"),
  stage2: measured("stage2", stage2Agrees),
  stage2_levels: measuredWord("stage2_levels"),
  ipa_range: measuredWord("ipa_range"),
};

const comparedFields = Object.keys(rules) as readonly ObservationField[];

function isUnknown({ expected }: StepComparison, field: ObservationField): boolean {
  return expected.unknown?.includes(field) === true;
}

function differingFields(here: StepComparison, unknown: ReadonlySet<string>): ObservationField[] {
  return comparedFields.filter((field) => !unknown.has(field) && rules[field]?.(here) === false);
}

const fates = (observation: Observation): Outcome[] =>
  list(observation.frames).map(({ pages, is }) => ({ pages, detail: [is] }));

function sameCodes(expected: Observation, predicted: Observation, context: AccessContext): boolean {
  const known = signalCodes(expected);
  const pages = known.flatMap((outcome) => outcome.pages);
  const inKnown = toPageSet(pages);
  const foretold = signalCodes(predicted).map((outcome) => ({
    ...outcome,
    pages: toPageSet(outcome.pages).flatMap(([first, end]) =>
      inKnown
        .filter(([from, to]) => from < end && first < to)
        .map(([from, to]): [number, number] => [Math.max(from, first), Math.min(to, end)]),
    ),
  }));
  return sameOutcomes(known, foretold, context);
}

function totalOf(predicted: Observation): number | undefined {
  if (predicted.bitmap_total !== undefined) return predicted.bitmap_total;
  return predicted.bitmap === undefined ? undefined : countPages(toPageSet(predicted.bitmap));
}

/** At a step with `any` the recorded nodes are one possible outcome: any prediction of as many pages will do. */
function sameStatus({ expected, predicted }: StepComparison): boolean {
  const a = list(expected.status);
  const b = list(predicted.status);
  return a.length === b.length && (expected.any === true || a.every((status, i) => status === b[i]));
}

/**
 * At a step with `any` the dump is one possible outcome: which pages KSM chose is not compared. Nor is, from an ageing by
 * chance on, the access flag of an entry that the prediction says may have been aged.
 */
function stage2Agrees({ step, expected, predicted, context, leavesOnly, vmType }: StepComparison): boolean {
  if (expected.any === true && step.call === "ksm_run") return true;
  const fromType = vmType === undefined || vmType === 0 ? 40 : vmType;
  return sameStage2(list(expected.stage2), list(predicted.stage2), {
    ipaBits: expected.ipa_range ?? fromType,
    pageSize: context.pageSize,
    leavesOnly,
    maybeYoung: list(predicted.stage2_maybe_young),
  });
}

function bothSides(
  { expected, predicted, expectedNotifiers, predictedNotifiers }: StepComparison,
  field: ObservationField,
): Pick<Difference, "expected" | "predicted"> {
  if (field !== "notifiers") return { expected: expected[field], predicted: predicted[field] };
  return {
    expected: expectedNotifiers.flatMap(({ notifiers }) => notifiers),
    predicted: predictedNotifiers.flatMap(({ notifiers }) => notifiers),
  };
}
