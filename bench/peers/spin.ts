import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpu } from "./cpu.js";

/** What one verification by SPIN took. */
export interface SpinRun {
  readonly verdict: "holds" | "violated" | "unfinished";
  readonly states: number;
  readonly transitions: number;
  /** Length of the error trail, which is not the shortest unless SPIN is asked for it. */
  readonly trail: number | null;
  readonly cpuSeconds: number;
  readonly megabytes: number;
  /** `spin -a` and gcc. */
  readonly compileSeconds: number;
}

/** SPIN's version, or null where there is none. */
export function spinVersion(): string | null {
  const { status, stdout } = spawnSync("spin", ["-V"], { encoding: "utf8" });
  return status === 0 && spawnSync("gcc", ["--version"]).status === 0 ? stdout.trim() : null;
}

/** Verifies a model of this folder: assertions and invalid end states. */
export function spin(
  model: string,
  defines: readonly string[],
  options: { readonly reduces: boolean; readonly seconds: number },
): SpinRun {
  const folder = mkdtempSync(join(tmpdir(), "kvmm-spin-"));
  try {
    const source = fileURLToPath(new URL(`${model}.pml`, import.meta.url));
    const gcc = ["-O2", "-w", "-DSAFETY", "-DMEMLIM=12000", ...(options.reduces ? [] : ["-DNOREDUCE"])];
    const compile = cpu(
      folder,
      `spin -a ${defines.join(" ")} '${source}' && gcc ${gcc.join(" ")} -o pan pan.c`,
    );
    if (compile.status !== 0) throw new Error(`spin or gcc failed on ${model}.pml: ${compile.output}`);
    const run = cpu(folder, `timeout ${options.seconds} ./pan -m100000`);
    const number = (pattern: RegExp) => Number(pattern.exec(run.output)?.[1] ?? 0);
    const errors = /errors: (\d+)/.exec(run.output)?.[1];
    const trail = /at depth (\d+)/.exec(run.output)?.[1];
    return {
      verdict: errors === undefined ? "unfinished" : errors === "0" ? "holds" : "violated",
      states: number(/(\d+) states, stored/) || lastReport(run.output, "States"),
      transitions: number(/(\d+) transitions/),
      trail: errors === "1" && trail !== undefined ? Number(trail) : null,
      cpuSeconds: run.seconds,
      megabytes: number(/([\d.]+)\s+total actual memory usage/) || lastReport(run.output, "Memory"),
      compileSeconds: compile.seconds,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How far a verification got that did not end: `Depth= 33 States= 1e+06 Transitions= 2e+06 Memory= 182.2 ...`. */
function lastReport(output: string, what: "States" | "Memory"): number {
  const reports = [...output.matchAll(new RegExp(`${what}=\\s*([\\d.e+]+)`, "g"))];
  return Number(reports.at(-1)?.[1] ?? 0);
}

/** For the report: what the numbers were measured with. */
export function compilerVersion(): string {
  return execFileSync("gcc", ["-dumpfullversion"], { encoding: "utf8" }).trim();
}
