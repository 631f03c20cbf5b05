import type { ConformInput } from "../conform/conform.js";
import { type Architecture, architectures } from "../format/machine.js";
import { type Kernel, kernelOf, kernels } from "../kernels/kernels.js";
import { type LibraryScenario, library } from "../library/library.js";
import { NotBuiltIn, type RunResult, type Verdict, type Violation } from "../model.js";
import type { Patch } from "../patches/define-patch.js";
import { runScenario } from "../run/run-scenario.js";
import { type Effect, effectOf, sameEffect } from "./effect.js";
import { type Evidence, evidenceFor } from "./evidence.js";
import { sentenceOf } from "./sentence.js";

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
  readonly broken: readonly ReviewFinding[];
  readonly mended: readonly ReviewFinding[];
  /** Scenarios that need what the model lacks, and what that is. */
  readonly notModelled: readonly { readonly scenario: string; readonly why: string }[];
  readonly evidence: { readonly without: Evidence; readonly with: Evidence };
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
  "races: every scenario is one order of calls",
  "gfn_to_pfn_cache, and with it x86, the one architecture that has it",
  "Arm SPE's profiling buffer",
  "huge pages, dirty logging, and the host operations that the library does not name",
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
    if (kernel === undefined) throw new NotBuiltIn("kernel", name, `built in: ${kernels.map((k) => k.name).join(", ")}`);
    return kernel;
  });
}

function wantedArchitectures(options: ReviewOptions): readonly Architecture[] {
  const wanted = options.architectures ?? (["arm64"] satisfies Architecture[]);
  for (const arch of wanted) if (arch !== "arm64") throw new NotBuiltIn("architecture", arch, `built in: arm64; of ${architectures.join(" and ")}`);
  return wanted;
}

function reviewOn(kernel: Kernel, arch: Architecture, patch: Patch, options: ReviewOptions): ReviewPart {
  const base = options.base ?? [];
  const recordings = options.recordings ?? [];
  const names = base.map((named) => (typeof named === "string" ? named : named.name));
  const evidence = {
    without: evidenceFor(kernel, names, recordings, runScenario),
    with: evidenceFor(kernel, [...names, patch.name], recordings, runScenario),
  };
  const rows: ReviewRow[] = [];
  const broken: ReviewFinding[] = [];
  const mended: ReviewFinding[] = [];
  const notModelled: { scenario: string; why: string }[] = [];
  for (const [index, entry] of library.entries()) {
    options.onProgress?.(index, library.length, entry.name);
    const run = (patches: readonly (string | Patch)[]) =>
      runScenario(entry.scenario, { kernel: kernel.name, arch, patches, ...(options.seed === undefined ? {} : { seed: options.seed }) });
    const without = run(base);
    const patched = run([...base, patch]);
    const lacking = without.notModelled[0] ?? patched.notModelled[0];
    if (lacking !== undefined) {
      notModelled.push({ scenario: entry.name, why: lacking.why });
      continue;
    }
    rows.push(rowOf(entry, without, patched, evidence));
    broken.push(...onlyIn(patched, without, entry.name));
    mended.push(...onlyIn(without, patched, entry.name));
  }
  return { kernel: kernel.name, arch, verdict: broken.length === 0 ? "holds" : "breaks", rows, broken, mended, notModelled, evidence };
}

function rowOf(entry: LibraryScenario, without: RunResult, patched: RunResult, evidence: ReviewPart["evidence"]): ReviewRow {
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
    ...(does.kind === "numa" ? { policy: { ofFile: does.policy.ofFile, ofTask: does.policy.ofTask, mode: does.policy.mode } } : {}),
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
    .filter(({ property, text }) => !other.violations.some((v) => v.property === property && v.text === text))
    .map((violation) => ({ scenario, violation }));
}
