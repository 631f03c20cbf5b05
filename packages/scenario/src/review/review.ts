import type { ConformInput } from "../conform/conform.js";
import type { Architecture } from "../format/machine.js";
import type { Scenario } from "../format/scenario.js";
import { type Kernel, kernelOf, kernels } from "../kernels/kernels.js";
import { type LibraryScenario, library } from "../library/library.js";
import { races } from "../library/races.js";
import { NotBuiltIn, type RunResult, type Verdict, type Violation } from "../model.js";
import type { Patch } from "../patches/define-patch.js";
import { builtInArchitectures } from "../run/architectures.js";
import { runScenario } from "../run/run-scenario.js";
import { type Effect, effectOf, sameEffect } from "./effect.js";
import { type Evidence, evidenceFor } from "./evidence.js";
import { type RaceRow, raceRow } from "./race-row.js";
import { sentenceOf } from "./sentence.js";
import { type SpeAnswer, speAnswer } from "./spe-answer.js";

export interface ReviewOptions {
  /** Left out: every built-in kernel. */
  readonly kernels?: readonly string[];
  /** Left out: every architecture that the model has. */
  readonly architectures?: readonly Architecture[];
  /** Applied before the patch, to both sides. */
  readonly base?: readonly (string | Patch)[];
  readonly seed?: number;
  /** Recordings of real kernels, to hold both sides against; those of other kernels and patches are not used. */
  readonly recordings?: readonly ConformInput[];
  /** Explore the built-in races too. Default true; takes most of the time. */
  readonly races?: boolean;
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** What one built-in scenario does, without the patch and with it. */
export interface ReviewRow {
  readonly scenario: string;
  readonly title: string;
  /** Where the memory of the slot comes from. */
  readonly memory: string;
  readonly gmemOnly: boolean;
  /** An operation of the host, or NUMA balancing under a memory policy. */
  readonly kind: "operation" | "numa";
  /** The operation, or the policy of the file and of the task, in words. */
  readonly operation: string;
  readonly policy?: { readonly ofFile: string; readonly ofTask: string; readonly mode: number };
  /** User space itself asked for the memory to go: stage 2 has to lose it. */
  readonly takesMemory: boolean;
  readonly without: Effect;
  readonly with: Effect;
  readonly changed: boolean;
  /** Was the same recorded on a real kernel, with the same outcome as here? */
  readonly recorded: { readonly without: boolean; readonly with: boolean };
}

/** A property that holds without the patch and not with it, or the other way round. */
export interface ReviewFinding {
  readonly scenario: string;
  readonly violation: Violation;
}

/** A review on one kernel and architecture. It breaks where the patch breaks what held without it. */
export interface ReviewPart {
  readonly kernel: string;
  readonly arch: Architecture;
  readonly verdict: Verdict;
  readonly rows: readonly ReviewRow[];
  /** Every interleaving of what can happen at the same time. */
  readonly races: readonly RaceRow[];
  readonly broken: readonly ReviewFinding[];
  readonly mended: readonly ReviewFinding[];
  /** Scenarios that need what the model lacks, and what that is. */
  readonly notModelled: readonly { readonly scenario: string; readonly why: string }[];
  readonly evidence: { readonly without: Evidence; readonly with: Evidence };
  /** A guest that is profiled with Arm SPE; on arm64 only. */
  readonly spe?: SpeAnswer;
}

export interface ReviewResult {
  readonly patch: Pick<Patch, "name" | "title" | "origin" | "text">;
  /** It breaks if it breaks in any part. */
  readonly verdict: Verdict;
  /** In what model, on how many recordings, and what it does not cover. */
  readonly sentence: string;
  readonly notCovered: readonly string[];
  readonly parts: readonly ReviewPart[];
}

/** What no review covers yet, whatever the patch. */
const NOT_COVERED = [
  "races of more threads than the built-in ones have, and orders that only weakly ordered memory allows",
  "Arm SPE beyond one buffer on one vCPU under NUMA balancing, with and without the policies of the SPE series, and, where races are explored, one record's write against a scan; other host activities are in kvmm spe simulate",
  "slots of huge pages, dirty logging, and host operations that are modelled but not in the library of reviews",
] as const;

/** Runs the library without and with a patch, and says what changes, what stays and what breaks. */
export function review(patch: Patch, options: ReviewOptions = {}): ReviewResult {
  const parts: ReviewPart[] = [];
  for (const kernel of wantedKernels(options)) {
    for (const arch of wantedArchitectures(options)) parts.push(reviewOn(kernel, arch, patch, options));
  }
  const verdict: Verdict = parts.some((part) => part.verdict === "breaks") ? "breaks" : "holds";
  const { name, title, origin, text } = patch;
  return {
    patch: { name, title, origin, text },
    verdict,
    sentence: sentenceOf(name, parts),
    notCovered: NOT_COVERED,
    parts,
  };
}

function wantedKernels(options: ReviewOptions): readonly Kernel[] {
  if (options.kernels === undefined) return kernels;
  return options.kernels.map((name) => {
    const kernel = kernelOf(name);
    if (kernel === undefined)
      throw new NotBuiltIn("kernel", name, `built in: ${kernels.map((k) => k.name).join(", ")}`);
    return kernel;
  });
}

function wantedArchitectures(options: ReviewOptions): readonly Architecture[] {
  return options.architectures ?? builtInArchitectures;
}

function reviewOn(kernel: Kernel, arch: Architecture, patch: Patch, options: ReviewOptions): ReviewPart {
  const base = options.base ?? [];
  const recordings = options.recordings ?? [];
  const names = base.map((named) => (typeof named === "string" ? named : named.name));
  const evidence = {
    without: evidenceFor(kernel, arch, names, recordings, runScenario),
    with: evidenceFor(kernel, arch, [...names, patch.name], recordings, runScenario),
  };
  const rows: ReviewRow[] = [];
  const raceRows: RaceRow[] = [];
  const broken: ReviewFinding[] = [];
  const mended: ReviewFinding[] = [];
  const notModelled: { scenario: string; why: string }[] = [];
  const own =
    options.races === false ? [] : races.filter(({ architectures }) => architectures.includes(arch));
  let done = 0;

  /** Both sides of a scenario, or nothing where the model lacks what it needs. */
  const bothSides = (name: string, scenario: Scenario): readonly [RunResult, RunResult] | undefined => {
    options.onProgress?.(done++, library.length + own.length, name);
    const run = (patches: readonly (string | Patch)[]) =>
      runScenario(scenario, {
        kernel: kernel.name,
        arch,
        patches,
        ...(options.seed === undefined ? {} : { seed: options.seed }),
      });
    const without = run(base);
    const patched = run([...base, patch]);
    const lacking = without.notModelled[0] ?? patched.notModelled[0];
    if (lacking !== undefined) {
      notModelled.push({ scenario: name, why: lacking.why });
      return undefined;
    }
    broken.push(...onlyIn(patched, without, name));
    mended.push(...onlyIn(without, patched, name));
    return [without, patched];
  };

  for (const entry of library) {
    const sides = bothSides(entry.name, entry.scenario);
    if (sides !== undefined) rows.push(rowOf(entry, ...sides, evidence));
  }
  for (const race of own) {
    const sides = bothSides(race.name, race.scenario);
    if (sides !== undefined) raceRows.push(raceRow(race, ...sides));
  }
  return {
    kernel: kernel.name,
    arch,
    verdict: broken.length === 0 ? "holds" : "breaks",
    rows,
    races: raceRows,
    broken,
    mended,
    notModelled,
    evidence,
    ...(arch === "arm64"
      ? {
          spe: speAnswer({
            kernel: kernel.name,
            base,
            patch,
            rows,
            races: options.races !== false,
            ...seedOf(options),
          }),
        }
      : {}),
  };
}

const seedOf = ({ seed }: ReviewOptions) => (seed === undefined ? {} : { seed });

function rowOf(
  entry: LibraryScenario,
  without: RunResult,
  patched: RunResult,
  evidence: ReviewPart["evidence"],
): ReviewRow {
  const before = effectOf(entry, without);
  const after = effectOf(entry, patched);
  const { does, memory } = entry;
  return {
    scenario: entry.name,
    title: entry.title,
    memory: memory.label,
    gmemOnly: memory.gmemOnly,
    kind: does.kind,
    operation: does.kind === "operation" ? does.operation.title : `NUMA balancing, ${does.policy.name}`,
    ...(does.kind === "numa"
      ? { policy: { ofFile: does.policy.ofFile, ofTask: does.policy.ofTask, mode: does.policy.mode } }
      : {}),
    takesMemory: does.kind === "operation" && does.operation.takesMemory,
    without: before,
    with: after,
    changed: !sameEffect(before, after),
    recorded: {
      without: evidence.without.ids.includes(entry.recordedAs),
      with: evidence.with.ids.includes(entry.recordedAs),
    },
  };
}

/** The violations of one run whose property holds in the other. */
function onlyIn(run: RunResult, other: RunResult, scenario: string): ReviewFinding[] {
  return run.violations
    .filter(({ property }) => !other.violations.some((violation) => violation.property === property))
    .map((violation) => ({ scenario, violation }));
}
