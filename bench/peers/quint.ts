import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cpu, type Ran } from "./cpu.js";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** What a simulation by Quint took: random walks, as ours, over ring.qnt. */
export interface QuintRun {
  readonly traces: number;
  readonly steps: number;
  /** Without its start. */
  readonly cpuSeconds: number;
  /** With the mistake left in, does it meet the violation? */
  readonly findsBug: boolean;
}

/** `npm install @informalsystems/quint@0.33.1 antlr4ts@0.5.0-alpha.4`: with the antlr4ts that npm takes it does not start. */
const command = (): string => process.env["QUINT"] ?? "quint";

/** Quint's version, or null where there is none. */
export function quintVersion(): string | null {
  const { status, stdout } = spawnSync(command(), ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}

/** Every walk of ring.qnt has 32 steps. Its evaluator in TypeScript: the one in Rust is a download of its own. */
export function quint(): QuintRun {
  const samples = 1000;
  const [started, right] = [run("ring", 1), run("ring", samples)];
  if (!right.output.includes("[ok]")) throw new Error(`quint failed on ring.qnt: ${right.output}`);
  return {
    traces: samples,
    steps: 32 * samples,
    cpuSeconds: right.seconds - started.seconds,
    findsBug: run("ringBug", samples).output.includes("[violation]"),
  };
}

function run(main: string, samples: number): Ran {
  const options = `--backend=typescript --main=${main} --invariant=safe --max-samples=${samples} --max-steps=40 --seed=1`;
  return cpu(folder, `'${command()}' run ${options} --verbosity=1 ring.qnt`);
}
