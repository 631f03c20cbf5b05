import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What a simulation by Quint took: random walks, as ours, over ring.qnt. */
export interface QuintRun {
  readonly traces: number;
  readonly steps: number;
  /** By the simulator's own clock, without its start. */
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
  const samples = 3000;
  const right = run("ring", samples);
  const time = /\((\d+)ms at/.exec(right)?.[1];
  if (time === undefined) throw new Error(`quint failed on ring.qnt: ${right}`);
  return {
    traces: samples,
    steps: 32 * samples,
    cpuSeconds: Number(time) / 1000,
    findsBug: run("ringBug", samples).includes("[violation]"),
  };
}

function run(main: string, samples: number): string {
  const { stdout, stderr } = spawnSync(
    command(),
    [
      "run",
      "--backend=typescript",
      `--main=${main}`,
      "--invariant=safe",
      `--max-samples=${samples}`,
      "--max-steps=40",
      "--seed=1",
      "--verbosity=1",
      fileURLToPath(new URL("ring.qnt", import.meta.url)),
    ],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  return stdout + stderr;
}
