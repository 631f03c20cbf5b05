import { Arm64Mmu, TableError } from "@kvmm/arm64-stage2";
import { LivelockError, LockError } from "@kvmm/interleave";
import { UseAfterFree } from "@kvmm/kvm-memslots";
import { NotModelled as Lacking, type Refusal } from "@kvmm/mm-core";
import { ExpressionError } from "../format/expression.js";
import type { Architecture } from "../format/machine.js";
import type { Prediction } from "../format/observation.js";
import { patchesOf, type Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";
import type { Behaviour } from "../kernels/behaviour.js";
import { type Kernel, kernelInWords, kernelOf, kernels, newestKernel } from "../kernels/kernels.js";
import {
  type Decision,
  type Exploration,
  NotBuiltIn,
  type NotModelled,
  type ReplayResult,
  type RunOptions,
  type RunResult,
  type StepResult,
  type Violation,
} from "../model.js";
import { applyPatch, type Patch } from "../patches/define-patch.js";
import { patches as builtIn, patchOf } from "../patches/patches.js";
import { properties } from "../properties/properties.js";
import { brokenSpeBuffer, SPE_BUFFER_STAYS_MAPPED } from "../properties/spe-buffer.js";
import type { SavedRace } from "../race/race-trace.js";
import { builtInArchitectures } from "./architectures.js";
import { bindings } from "./bindings.js";
import { callStep } from "./call-step.js";
import { exploreConcurrently } from "./concurrently.js";
import { type Followed, followConcurrently } from "./follow.js";
import { type FrameSnapshot, frameFates, snapshotFrames } from "./frame-fates.js";
import { NotifierLog } from "./notifier-log.js";
import type { CallOutcome } from "./outcome.js";
import { mappedPages, staleStage2Mapping } from "./slot-mappings.js";
import { dumpStage2 } from "./stage2-dump.js";
import { unmet } from "./unmet.js";
import { World } from "./world.js";

/** Decisions kept per step: enough to see why, also where a step works through many pages. */
const MOST_DECISIONS = 64;

/** What a scenario runs on. */
export interface Setting {
  readonly kernel: Kernel;
  readonly arch: Architecture;
  readonly patches: readonly Patch[];
  readonly behaviour: Behaviour;
}

/** The kernel and the patches of a scenario, as the options and the scenario say. @throws NotBuiltIn */
export function settingOf(scenario: Scenario, options: RunOptions): Setting {
  const wanted = options.kernel ?? scenario.machine.kernel;
  const kernel = wanted === undefined ? newestKernel() : kernelOf(wanted);
  if (kernel === undefined)
    throw new NotBuiltIn("kernel", wanted!, `built in: ${kernels.map((k) => k.name).join(", ")}`);
  const arch = options.arch ?? scenario.machine.arch ?? "arm64";
  if (!builtInArchitectures.includes(arch)) {
    throw new NotBuiltIn("architecture", arch, `built in: ${builtInArchitectures.join(", ")}`);
  }
  const { config } = scenario.machine;
  if (config !== undefined && config !== "lab")
    throw new NotBuiltIn("configuration", config, "built in: lab, or none");
  const applied: Patch[] = [];
  for (const named of [...patchesOf(scenario), ...(options.patches ?? [])]) {
    const patch = typeof named === "string" ? patchOf(named) : named;
    if (patch === undefined) {
      throw new NotBuiltIn("patch", String(named), `built in: ${builtIn.map((p) => p.name).join(", ")}`);
    }
    if (!applied.some(({ name }) => name === patch.name)) applied.push(patch);
  }
  return { kernel, arch, patches: applied, behaviour: applied.reduce(applyPatch, kernel.behaviour) };
}

/** Runs the steps of a scenario on the model, one after the other. */
export function runScenario(scenario: Scenario, options: RunOptions = {}): RunResult {
  const setting = settingOf(scenario, options);
  const run = new Run(scenario, setting, options);
  run.steps();
  run.threads();
  return run.result(setting, options.seed ?? 0);
}

/** Runs the steps of a scenario, and then its threads in the order of a saved counterexample. */
export function replayRace(scenario: Scenario, saved: SavedRace, options: RunOptions = {}): ReplayResult {
  const setting = settingOf(scenario, options);
  const run = new Run(scenario, setting, options);
  run.steps();
  const followed = run.follow(saved);
  const { kernel, arch, patches, notModelled, warnings, violations } = run.result(setting, 0);
  return {
    kernel,
    arch,
    patches,
    notModelled,
    warnings,
    violations,
    ...outcomeOf(saved, violations, followed),
  };
}

/** What a replay came to, in short and in words. */
function outcomeOf(
  { steps }: SavedRace,
  [first]: readonly Violation[],
  followed: Followed | undefined,
): Pick<ReplayResult, "outcome" | "sentence" | "gone"> {
  if (followed === undefined) {
    if (first === undefined)
      return { outcome: "not modelled", sentence: "The threads cannot be run.", gone: null };
    const sentence = `Goes wrong before the threads begin: ${first.property}: ${first.text}.`;
    return { outcome: "goes wrong otherwise", sentence, gone: null };
  }
  const { isReproduced, stoppedAt, sentence } = followed;
  if (stoppedAt !== null) {
    const { thread, function: fn, object, what } = steps[stoppedAt]!;
    const on = object === null ? "" : `, on ${object}`;
    const where = `That was a step of ${thread}, in ${fn}()${on}.`;
    const gone = { step: stoppedAt + 1, thread, function: fn, object, what };
    return { outcome: "a step is gone", sentence: `${sentence} ${where}`, gone };
  }
  if (isReproduced) return { outcome: "reproduced", sentence, gone: null };
  return {
    outcome: first === undefined ? "no longer goes wrong" : "goes wrong otherwise",
    sentence,
    gone: null,
  };
}

class Run {
  readonly #world: World | null;
  readonly #observed: Prediction[] = [];
  readonly #steps: StepResult[] = [];
  readonly #names: ReadonlyMap<string, bigint>[] = [];
  readonly #lacking: NotModelled[] = [];
  readonly #notifiers: NotifierLog | null = null;
  /** The frames just before the operation: the steps between the first accesses and the last ones. */
  #before: FrameSnapshot | null = null;
  #accessed = false;
  #guestAccessed = false;
  /** What a real kernel would do from here on nobody knows. */
  #ended = false;
  readonly #violations: Violation[] = [];
  #exploration: Exploration | undefined;
  private readonly checks: boolean;
  readonly #dumps: boolean;

  constructor(
    private readonly scenario: Scenario,
    { arch, behaviour }: Setting,
    private readonly options: RunOptions,
  ) {
    const { steps } = scenario;
    const machine = { ...scenario.machine, arch };
    this.checks = options.checks !== false;
    this.#dumps = options.stage2 ?? machine.config === "lab";
    for (const [step, { call }] of steps.entries()) {
      if (bindings[call] === undefined)
        this.#lacking.push({ step, call, why: "the model does not have this call" });
    }
    this.#world = this.#attempt(0, () => new World(machine, behaviour, this.checks)) ?? null;
    if (this.#world !== null) {
      this.#notifiers = new NotifierLog(this.#world.kvm, this.#world.predefined, this.#world.chance);
      this.#world.kvm.observer = this.#notifiers;
    }
  }

  steps(): void {
    for (const [index, step] of this.scenario.steps.entries()) {
      if (this.#lacking.length > 0 || this.#ended) {
        this.#observed.push({});
        this.#steps.push({ decisions: [] });
        this.#names.push(new Map());
      } else this.#step(index, step);
    }
  }

  /** Every interleaving of the threads, from where the steps have led. */
  threads(): void {
    const { concurrently } = this.scenario;
    if (concurrently === undefined) return;
    this.#concurrently(concurrently, (world) => {
      const { exploration, violations } = exploreConcurrently(world, concurrently, this.options);
      this.#exploration = exploration;
      this.#violations.push(...violations);
    });
  }

  /** The one interleaving that was saved; undefined where the threads cannot be run. */
  follow(saved: SavedRace): Followed | undefined {
    const { concurrently = {} } = this.scenario;
    let followed: Followed | undefined;
    this.#concurrently(concurrently, (world) => {
      followed = followConcurrently(world, concurrently, saved);
      if (followed.violation !== undefined) this.#violations.push(followed.violation);
    });
    return followed;
  }

  /** Runs the threads in some way, unless something before them ended the run; notes what the model lacks. */
  #concurrently(concurrently: NonNullable<Scenario["concurrently"]>, action: (world: World) => void): void {
    if (this.#world === null || this.#lacking.length > 0 || this.#ended) return;
    this.#world.breakBeforeMake?.unwatch();
    try {
      action(this.#world);
    } catch (error) {
      if (!(error instanceof Lacking)) throw error;
      const [thread, calls] =
        Object.entries(concurrently).find(([, steps]) => steps.some(({ call }) => call === error.what)) ?? [];
      this.#lacking.push({
        step: 0,
        ...(thread === undefined ? {} : { thread }),
        call: calls?.[0]?.call ?? "none",
        why: error.message,
      });
    }
  }

  #step(index: number, step: Step): void {
    const world = this.#world!;
    this.#names.push(new Map(world.names));
    // Once the guest has used the memory, what the host does with it is the operation, its accesses included.
    const isGuest = GUEST_ACCESSES.has(step.call);
    if (isGuest || (!this.#guestAccessed && HOST_ACCESSES.has(step.call))) {
      this.#accessed = true;
      this.#guestAccessed ||= isGuest;
      this.#before = null;
    } else if (this.#accessed) this.#before ??= snapshotFrames(world);

    const decisions: Decision[] = [];
    world.store.onTrace = (event) => {
      if (decisions.length < MOST_DECISIONS) decisions.push(event);
    };
    const outcome = this.#attempt(index, () => this.#call(world, step)) ?? {};
    world.store.onTrace = null;

    const { refusal, value } = outcome;
    if (refusal === undefined && step.as !== undefined) world.give(step, value ?? 0n, outcome.task);
    const frames = this.#before === null ? undefined : frameFates(world, this.#before);
    const notifiers = this.#notifiers!.take();
    this.#observed.push({
      ...(outcome.died === true ? {} : refusal === undefined ? { ret: 0 } : { errno: refusal.errno }),
      ...outcome.observation,
      ...(notifiers === undefined ? {} : { notifiers }),
      ...(frames === undefined ? {} : { frames }),
      ...(this.#dumps ? dumpStage2(world) : {}),
    });
    if (this.checks && this.#violations.length === 0) this.#check(index);
    this.#steps.push({
      decisions,
      ...(this.checks ? { mapped: mappedPages(world) } : {}),
      ...(refusal === undefined ? {} : { refusal: { fn: refusal.fn, reason: reasonOf(refusal) } }),
    });
  }

  #call(world: World, step: Step): CallOutcome {
    const outcome = callStep(world, world.task(step.task), step, (name) => world.names.get(name));
    const held = world.store.held.of(world.store.tid);
    if (held.length > 0)
      throw new Error(`${step.call} returned holding ${held.map((lock) => lock.name).join(", ")}`);
    return outcome;
  }

  #check(step: number): void {
    const stale = staleStage2Mapping(this.#world!);
    if (stale !== undefined)
      this.#violations.push({ property: "no stale stage-2 mapping", text: stale, step });
    const lostBuffer = brokenSpeBuffer(this.#world!);
    if (lostBuffer !== undefined)
      this.#violations.push({ property: SPE_BUFFER_STAYS_MAPPED, text: lostBuffer, step });
    const { kvm, vmm } = this.#world!;
    const entry = brokenEntry(this.#world!);
    if (entry !== undefined) this.#violations.push({ property: "break-before-make", text: entry, step });
    for (const { name, broken } of properties) {
      const text = broken(kvm, vmm);
      if (text !== undefined) this.#violations.push({ property: name, text, step });
    }
  }

  /** What the scenario expects at its end. */
  #expectations(world: World): void {
    for (const [index, expectation] of (this.scenario.expect ?? []).entries()) {
      const text = unmet(world, expectation);
      if (text !== undefined) this.#violations.push({ property: `expect[${index}]`, text });
    }
  }

  /** Notes what the model lacks; any other error is a bug. */
  #attempt<T>(step: number, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      const call = this.scenario.steps[step]?.call ?? "none";
      if (error instanceof Lacking) this.#lacking.push({ step, call, why: error.message });
      else if (error instanceof ExpressionError) this.#lacking.push({ step, call, why: error.message });
      else if (error instanceof UseAfterFree) {
        this.#violations.push({ property: "no use after free", text: error.message, step });
        this.#ended = true;
      } else if (error instanceof TableError) {
        this.#violations.push({
          property: "no leak or early free of a table page",
          text: error.message,
          step,
        });
        this.#ended = true;
      } else if (error instanceof LockError) {
        this.#violations.push({ property: "lock rules", text: error.message, step });
        this.#ended = true;
      } else if (error instanceof LivelockError) {
        this.#violations.push({ property: "progress", text: error.message, step });
        this.#ended = true;
      } else throw error;
      return undefined;
    }
  }

  result({ kernel, arch, patches }: Setting, seed: number): RunResult {
    const warnings = this.#world?.host.warnings.peek() ?? [];
    if (this.#world !== null && this.#lacking.length === 0) this.#expectations(this.#world);
    const violations = [
      ...warnings.map(({ fn, text }) => ({
        property: "no kernel warning",
        text: `WARNING in ${fn}: ${text}`,
      })),
      ...this.#violations,
    ];
    const verdict = violations.length === 0 ? "holds" : "breaks";
    const model = [kernelInWords(kernel.name), ...patches.map(({ name }) => name)].join(" with ");
    const what =
      violations.length === 0
        ? "every property held"
        : violations.map(({ property, text }) => `${property}: ${text}`).join("; ");
    return {
      kernel: kernel.name,
      arch,
      patches: patches.map(({ name }) => name),
      seed,
      verdict,
      sentence: `in the model of ${model} on ${arch}, ${orders(this.#exploration)}: ${what}.`,
      observed: this.#observed,
      steps: this.#steps,
      names: this.#names,
      notModelled: this.#lacking,
      notCovered: [
        ...uncovered(this.#exploration),
        ...this.#lacking.map(({ call, why }) => `${call}: ${why}`),
      ],
      warnings: warnings.map(({ fn, text }) => `${fn}: ${text}`),
      violations,
      ...(this.#exploration === undefined ? {} : { exploration: this.#exploration }),
    };
  }
}

/** Which orders of the calls a verdict is about. */
function orders(exploration: Exploration | undefined): string {
  if (exploration === undefined) return "the calls made one after the other (races not covered)";
  return exploration.covered;
}

function uncovered(exploration: Exploration | undefined): string[] {
  if (exploration === undefined) return ["races: the calls were made one after the other"];
  return exploration.complete
    ? ["orders that only weakly ordered memory allows"]
    : ["the other interleavings of the threads"];
}

/** What was done to the stage-2 tables against break-before-make; nothing counts once the VM's tables are gone. */
function brokenEntry({ kvm, breakBeforeMake }: World): string | undefined {
  if (breakBeforeMake === null || !(kvm.mmu instanceof Arm64Mmu)) return undefined;
  if (!kvm.mmu.hasTables.peek()) breakBeforeMake.unwatch();
  breakBeforeMake.settle();
  return breakBeforeMake.violations[0];
}

function reasonOf({ reason, accepted }: Refusal): string {
  return accepted === undefined ? reason : `${reason} (accepted: ${accepted})`;
}

const GUEST_ACCESSES: ReadonlySet<string> = new Set(["vcpu_read", "vcpu_write", "vcpu_exec"]);
const HOST_ACCESSES: ReadonlySet<string> = new Set(["host_read", "host_write"]);
