import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `PERF` names another perf than the installed one. */
const command = process.env["PERF"] ?? "perf";

function version(): [number, number] | undefined {
  const { stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  const match = stdout?.match(/version (\d+)\.(\d+)/);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

/** major, minor of the installed perf; undefined if there is none. */
export const perfVersion = version();

/** Whose words the installed perf uses, if they are among those that we have. */
export function wording(): "6.1" | "7.2" | undefined {
  if (!perfVersion) return undefined;
  const [major, minor] = perfVersion;
  if (major > 6 || (major === 6 && minor >= 19)) return "7.2";
  return major === 6 && minor === 1 ? "6.1" : undefined;
}

/** What perf prints about a file with these bytes. */
export function perf(file: Uint8Array, ...args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "kvmm-perf-"));
  try {
    const path = join(folder, "perf.data");
    writeFileSync(path, file);
    const { stdout, status, stderr } = spawnSync(command, [...args, "-i", path], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (status !== 0) throw new Error(`perf ${args.join(" ")}: ${stderr}`);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The dumps of SPE data in perf's output, each a list of lines. */
export function speDumps(output: string): string[][] {
  const dumps: string[][] = [];
  let open = false;
  for (const line of output.split("\n")) {
    if (line.includes("ARM SPE data")) {
      dumps.push([]);
      open = true;
    } else if (line === "") open = false;
    if (open) dumps.at(-1)!.push(line);
  }
  return dumps;
}
