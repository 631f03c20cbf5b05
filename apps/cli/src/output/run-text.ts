import { type RunResult, renderStep, type Scenario } from "@kvmm/scenario";
import { lanes } from "./lanes.js";
import type { Style } from "./style.js";
import { timeline } from "./timeline.js";
import { wrap } from "./wrap.js";

export interface RunTextOptions {
  readonly style: Style;
  readonly width: number;
  /** Of a race, also the steps that have nothing to do with the failure. */
  readonly all: boolean;
}

/** What something ran on. */
export interface RanOn {
  readonly kernel: string;
  readonly arch: string;
  readonly patches: readonly string[];
}

/** The document of `kvmm run --json`. */
export function runDocument(scenario: Scenario, result: RunResult): unknown {
  const {
    kernel,
    arch,
    patches,
    seed,
    verdict,
    sentence,
    observed,
    notModelled,
    notCovered,
    warnings,
    violations,
  } = result;
  const steps = scenario.steps.map((step, index) => ({
    index,
    call: step.call,
    args: step.args ?? {},
    ...result.steps[index],
  }));
  const { exploration } = result;
  return {
    title: scenario.title,
    verdict,
    sentence,
    kernel,
    arch,
    patches,
    seed,
    observed,
    steps,
    violations,
    exploration,
    notModelled,
    notCovered,
    warnings,
  };
}

/** A run: its steps one by one, its threads, the races that go wrong, and the verdict. */
export function runText(
  scenario: Scenario,
  result: RunResult,
  { style, width, all }: RunTextOptions,
): string {
  const head = headText(scenario, result, style, width);
  const steps = scenario.steps.length === 0 ? "" : `${timeline(scenario, result, style, width)}\n`;
  const threads = threadsText(scenario, style, width);
  const violations = violationsText(result, { style, width, all });
  const colour = result.verdict === "holds" ? style.good : style.bad;
  const verdict = colour(wrap(`${result.verdict}: ${result.sentence}`, width));
  return `${head}\n${steps}${threads}${violations}${verdict}\n`;
}

/** Each race in lanes, and what else goes wrong in a sentence. */
export function violationsText(
  { violations }: Pick<RunResult, "violations">,
  { style, width, all }: RunTextOptions,
): string {
  return violations.map((violation) => `${lanes(violation, style, width, { all })}\n`).join("");
}

/** The scenario's title, and what it ran on. */
export function headText({ title }: Scenario, on: RanOn, style: Style, width: number): string {
  const named = title === undefined ? "" : `${style.strong(wrap(title, width))}\n`;
  return `${named}${style.faint(wrap(onInWords(on), width))}\n`;
}

/** `kernel 7.2, x86, patch gmem-ignore-notifiers-rfc` */
export function onInWords({ kernel, arch, patches }: RanOn): string {
  return [`kernel ${kernel}`, arch, ...patches.map((patch) => `patch ${patch}`)].join(", ");
}

/** What runs at the same time, in every order. */
function threadsText({ concurrently }: Scenario, style: Style, width: number): string {
  const entries = Object.entries(concurrently ?? {});
  if (entries.length === 0) return "";
  const thread = ([name, steps]: (typeof entries)[number]) =>
    `  ${style.strong(name)}\n${steps.map((step) => `    ${wrap(renderStep(step), width, "      ")}\n`).join("")}`;
  return `concurrently\n${entries.map(thread).join("")}\n`;
}
