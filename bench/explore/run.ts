// The explorer against SPIN (and Quint's simulator, where it is installed) on equivalent models: without a livelock
// search on either side (SPIN's -DSAFETY), and as many states where both finish.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { quint, quintVersion } from "../peers/quint.js";
import { compilerVersion, type SpinRun, spin, spinVersion } from "../peers/spin.js";
import type { Measured } from "./measure.js";
import type { ModelName } from "./models.js";

interface Case {
  readonly model: ModelName;
  readonly sizes: readonly number[];
  /** The same sizes, as SPIN's models call them. */
  readonly defines: readonly string[];
}

const letters: Readonly<Record<ModelName, string>> = { ring: "VNFI", fault: "VI", pfncache: "RI" };
const size = (model: ModelName, ...sizes: number[]): Case => ({
  model,
  sizes,
  defines: sizes.map((value, i) => `-D${letters[model][i]}=${value}`),
});

const CASES: readonly Case[] = [
  size("pfncache", 1, 1),
  size("pfncache", 4, 6),
  size("pfncache", 10, 14),
  size("fault", 1, 1),
  size("fault", 3, 3),
  size("fault", 4, 4),
  size("ring", 2, 2, 2, 2),
  size("ring", 2, 3, 2, 3),
  size("ring", 2, 3, 3, 3),
  size("ring", 3, 2, 2, 2),
];
/** Three vCPUs with three faults each, four rounds: what neither finishes in a minute. */
const LARGEST = size("ring", 3, 3, 3, 4);
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 60);

function kvmm({ model, sizes }: Case, method: string, isWrong: boolean): Measured {
  const script = fileURLToPath(new URL("measure.ts", import.meta.url));
  const args = ["--conditions=@kvmm/source", "--import", "tsx", "--max-old-space-size=8192", script];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...args, model, sizes.join(), method, isWrong ? "wrong" : "right"],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`explore/measure.ts failed: ${stderr}`);
  return JSON.parse(stdout) as Measured;
}

interface Row {
  readonly model: ModelName;
  readonly sizes: readonly number[];
  /** With the bug left in, which is to be found. */
  readonly isWrong: boolean;
  readonly kvmm: Measured;
  readonly kvmmPlain: Measured | null;
  readonly spin: SpinRun | null;
  readonly spinPlain: SpinRun | null;
}

function measure(one: Case, isWrong: boolean, hasSpin: boolean): Row {
  const defines = isWrong ? [...one.defines, "-DBUG"] : one.defines;
  const run = (reduces: boolean) =>
    hasSpin ? spin(one.model, defines, { reduces, seconds: SECONDS }) : null;
  const isLargest = one === LARGEST;
  return {
    model: one.model,
    sizes: one.sizes,
    isWrong,
    kvmm: kvmm(one, "reduced", isWrong),
    kvmmPlain: isWrong || isLargest ? null : kvmm(one, "plain", isWrong),
    spin: run(true),
    spinPlain: isWrong || isLargest ? null : run(false),
  };
}

const columns = [
  "model",
  "kvmm states",
  "CPU s",
  "MB",
  "SPIN states",
  "CPU s",
  "MB",
  "+compile",
  "CPU",
  "MB ratio",
];
const widths = [24, 13, 8, 7, 13, 8, 7, 9, 8, 9];
const line = (cells: readonly string[]) =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" ");
const ratio = (a: number, b: number) => (b === 0 ? "-" : `${(a / b).toFixed(a < b ? 2 : 1)}x`);
const mark = (verdict: string) => (verdict === "unknown" || verdict === "unfinished" ? ">" : "");

/** Only then was the work the same, and a ratio means something. */
const isFinished = (ours: Measured, peer: SpinRun) =>
  ours.verdict !== "unknown" && peer.verdict !== "unfinished";

function print(name: string, ours: Measured, peer: SpinRun | null): void {
  const theirs =
    peer === null
      ? []
      : [
          mark(peer.verdict) + peer.states.toLocaleString("en"),
          peer.cpuSeconds.toFixed(2),
          peer.megabytes.toFixed(0),
          peer.compileSeconds.toFixed(2),
          ...(isFinished(ours, peer)
            ? [ratio(ours.cpuSeconds, peer.cpuSeconds), ratio(ours.megabytes, peer.megabytes)]
            : ["-", "-"]),
        ];
  const own = [
    mark(ours.verdict) + ours.states.toLocaleString("en"),
    ours.cpuSeconds.toFixed(2),
    ours.megabytes.toFixed(0),
  ];
  console.log(line([name, ...own, ...theirs]));
}

function report(row: Row): void {
  const name = `${row.model} ${row.sizes.join(",")}`;
  if (row.isWrong) {
    const found = row.spin === null ? "" : `; SPIN: ${row.spin.verdict}, trail of ${row.spin.trail} steps`;
    print(`${name} bug`, row.kvmm, row.spin);
    console.log(`  kvmm: ${row.kvmm.verdict}, shortest in ${row.kvmm.counterexample} steps${found}`);
    return;
  }
  print(name, row.kvmm, row.spin);
  if (row.kvmmPlain !== null) print("  without reduction", row.kvmmPlain, row.spinPlain);
}

/** A comparison of different work would say nothing. */
function checkSame({ model, sizes, isWrong, kvmm: ours, spin: peer }: Row): void {
  if (peer === null || !isFinished(ours, peer)) return;
  if (ours.verdict !== peer.verdict || (!isWrong && ours.states !== peer.states)) {
    throw new Error(
      `${model} ${sizes.join()}: kvmm ${ours.verdict}, ${ours.states} states; SPIN ${peer.verdict}, ${peer.states}`,
    );
  }
}

const version = spinVersion();
if (version === null)
  console.log("SPIN or gcc is not installed (apt-get install spin gcc): only our own figures");
else console.log(`${version}, gcc ${compilerVersion()}; Node ${process.version}; ${cpus().length} cores`);
console.log(
  "CPU and MB ratio: ours over SPIN's, so below 1 we win; MB is the whole process, Node's 60 to 80 included\n",
);
console.log(line(columns));
const rows: Row[] = [];
const add = (one: Case, isWrong: boolean): void => {
  const row = measure(one, isWrong, version !== null);
  report(row);
  checkSame(row);
  rows.push(row);
};
for (const one of CASES) add(one, false);
for (const one of [size("pfncache", 1, 1), size("fault", 1, 1), size("ring", 2, 3, 2, 3)]) add(one, true);
add(LARGEST, false);

const last = rows.at(-1)!;
const rate = (run: { readonly states: number; readonly cpuSeconds: number }) =>
  `${Math.round(run.states / run.cpuSeconds / 1000).toLocaleString("en")},000 states per CPU s`;
console.log(
  `  as far as each came in ${SECONDS} s: kvmm ${rate(last.kvmm)}${last.spin === null ? "" : `, SPIN ${rate(last.spin)}`}`,
);
const slower = rows.filter(
  ({ kvmm: ours, spin: peer }) =>
    peer !== null && isFinished(ours, peer) && ours.cpuSeconds > 1.05 * peer.cpuSeconds,
);
console.log("\nWhere SPIN takes less CPU time, without its compilation:");
for (const { model, sizes, isWrong, kvmm: ours, spin: peer } of slower) {
  console.log(
    `  ${model} ${sizes.join()}${isWrong ? " bug" : ""}: ${ratio(ours.cpuSeconds, peer!.cpuSeconds)}`,
  );
}
if (slower.length === 0) console.log("  nowhere");

const random = kvmm(size("ring", 2, 2, 2, 2), "random", false);
const simulated = quintVersion() === null ? null : quint();
console.log(
  `\nrandom walks over ring 2,2,2,2: ${Math.round(random.steps / random.cpuSeconds).toLocaleString("en")} steps per CPU s`,
);
if (simulated === null)
  console.log("Quint is not installed (bench/peers/quint.ts): its simulator is left out");
else {
  const { steps, cpuSeconds, findsBug } = simulated;
  console.log(`Quint's simulator on the same model: ${Math.round(steps / cpuSeconds).toLocaleString("en")}`);
  if (!findsBug) throw new Error("Quint did not find the bug that is left in ring.qnt");
  console.log("with the bug left in, it finds it");
}

const results = new URL("../results/", import.meta.url);
mkdirSync(results, { recursive: true });
const tools = {
  cpu: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores`,
  node: process.version,
  spin: version,
  gcc: version === null ? null : compilerVersion(),
  quint: quintVersion(),
};
const json = { tools, seconds: SECONDS, rows, random, quint: simulated };
writeFileSync(new URL("explore.json", results), `${JSON.stringify(json, null, 2)}\n`);
console.log("\nresults/explore.json has all figures");
