// Which form of a kernel path is cheap alone and explorable as well? A stage-2 fault against an unmap, nine calls deep,
// (a) as ordinary functions on @kvmm/interleave, (b) as generators that yield at each access, (c) as generators that
// do so only when they are explored. Run: pnpm exec tsx --conditions=@kvmm/source bench/spike/run.ts
import assert from "node:assert/strict";
import { Suspendable } from "@kvmm/interleave";
import { type Explored, explore } from "./explore.js";
import * as functions from "./functions.js";
import { GeneratorTask } from "./generator-task.js";
import * as generators from "./generators.js";
import * as direct from "./generators-alone-direct.js";
import * as plain from "./plain.js";
import { runAlone } from "./request.js";
import { World } from "./world.js";

const ROUNDS = 25;
const ALONE = 40_000;
const VCPUS = 2;

interface Form {
  readonly name: string;
  /** So many faults, each followed by an unmap. */
  readonly alone: (pairs: number) => void;
  readonly explored: (() => Explored) | null;
}

function functionsForm(): Form {
  const w = new World();
  return {
    name: "(a) functions",
    alone: (pairs) => {
      for (let i = 0; i < pairs; i++) {
        functions.handleGuestAbort(w);
        functions.unmapPage(w);
      }
    },
    explored: () => {
      const world = new World();
      const fault = () => functions.handleGuestAbort(world);
      const unmap = () => functions.unmapPage(world);
      const calls = [...Array.from({ length: VCPUS }, () => fault), unmap];
      const tasks = calls.map((call, i) => new Suspendable(world.store, i + 1, `T${i + 1}`, [call]));
      return explore(world.store, tasks, () => world.stale());
    },
  };
}

function generatorsForm(name: string, paths: typeof generators | typeof direct): Form {
  const w = new World();
  return {
    name,
    alone: (pairs) => {
      for (let i = 0; i < pairs; i++) {
        runAlone(paths.handleGuestAbort(w));
        runAlone(paths.unmapPage(w));
      }
    },
    explored: () => {
      const world = new World();
      world.exploring = true;
      const fault = () => paths.handleGuestAbort(world);
      const unmap = () => paths.unmapPage(world);
      const calls = [...Array.from({ length: VCPUS }, () => fault), unmap];
      const tasks = calls.map((call, i) => new GeneratorTask(world.store, i + 1, [call]));
      return explore(world.store, tasks, () => world.stale());
    },
  };
}

function plainForm(): Form {
  const w = new plain.PlainWorld();
  return {
    name: "plain fields, no store",
    alone: (pairs) => {
      for (let i = 0; i < pairs; i++) {
        plain.handleGuestAbort(w);
        plain.unmapPage(w);
      }
    },
    explored: null,
  };
}

/** How many accesses a fault and an unmap make when they run one after the other. */
function accessesOfPair(): number {
  const w = new World();
  const calls = [() => functions.handleGuestAbort(w), () => functions.unmapPage(w)];
  const task = new Suspendable(w.store, 1, "T", calls);
  task.start();
  let count = 0;
  while (!task.isDone) count += task.step().length;
  return count;
}

/** CPU time in nanoseconds, so that other work on the machine counts less. */
function time(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) * 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

const forms = [
  plainForm(),
  functionsForm(),
  generatorsForm("(b) generators", generators),
  generatorsForm("(c) generators, direct when alone", direct),
];
const perPair = accessesOfPair();

// The forms take turns, so that what disturbs one disturbs all.
const alone = forms.map((): number[] => []);
const explored = forms.map((): number[] => []);
let reference: Explored | undefined;
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, form] of forms.entries()) {
    alone[i]!.push(time(() => form.alone(ALONE)) / (ALONE * perPair));
    if (form.explored === null) continue;
    let found: Explored | undefined;
    const ns = time(() => {
      found = form.explored!();
    });
    reference ??= found;
    assert.deepEqual(found, reference, `${form.name} explores something else`);
    explored[i]!.push(ns / found!.steps);
  }
}

const base = 1;
const number = (n: number, digits: number) => n.toFixed(digits).padStart(8);
console.log(`a fault and an unmap alone: ${perPair} accesses; explored: ${JSON.stringify(reference)}`);
console.log(`median of ${ROUNDS} rounds, Node ${process.version}`);
console.log(
  `${"".padEnd(36)}${"alone, ns/access".padStart(18)}${"ratio".padStart(8)}${"explored, ns/step".padStart(20)}${"ratio".padStart(8)}`,
);
for (const [i, form] of forms.entries()) {
  const a = median(alone[i]!);
  const ratio = a / median(alone[base]!);
  const line = `${form.name.padEnd(36)}${number(a, 2).padStart(18)}${number(ratio, 2)}`;
  if (form.explored === null) console.log(`${line}${"-".padStart(20)}${"-".padStart(8)}`);
  else {
    const e = median(explored[i]!);
    console.log(`${line}${number(e, 0).padStart(20)}${number(e / median(explored[base]!), 2)}`);
  }
}
