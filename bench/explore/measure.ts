// One exploration in a process of its own, so that its memory can be told: measure.ts MODEL SIZES METHOD [wrong]
import { type ExploreOptions, explore } from "@kvmm/interleave";
import { type ModelName, models } from "./models.js";

/** What one exploration took; bench/explore/run.ts reads it. */
export interface Measured {
  readonly verdict: string;
  readonly states: number;
  readonly steps: number;
  /** Steps for which the path itself was run. */
  readonly runs: number;
  /** Of the counterexample. */
  readonly counterexample: number | null;
  readonly cpuSeconds: number;
  readonly megabytes: number;
}

const METHODS: Readonly<Record<string, ExploreOptions>> = {
  reduced: {},
  plain: { sleepSets: false },
  random: { method: "random", bounds: { walks: 20_000 } },
};

const [name, sizes, method, wrong] = process.argv.slice(2);
if (name !== undefined && sizes !== undefined && method !== undefined) {
  const { store, threads } = models[name as ModelName](sizes.split(",").map(Number), wrong === "wrong");
  const options = METHODS[method] ?? {};
  const seconds = Number(process.env["BENCH_SECONDS"] ?? 60);
  const bounds = { states: 40_000_000, milliseconds: seconds * 1000, ...options.bounds };
  const before = process.cpuUsage();
  const result = explore(store, threads, { livelocks: false, ...options, bounds });
  const { user, system } = process.cpuUsage(before);
  const measured: Measured = {
    verdict: result.verdict,
    states: result.states,
    steps: result.steps,
    runs: result.runs,
    counterexample: result.violations[0]?.counterexample.steps.length ?? null,
    cpuSeconds: (user + system) / 1e6,
    megabytes: process.resourceUsage().maxRSS / 1024,
  };
  console.log(JSON.stringify(measured));
}
