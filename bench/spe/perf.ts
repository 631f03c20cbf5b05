import { spawnSync } from "node:child_process";

const command = process.env["PERF"] ?? "perf";

/** "6.1.187", or undefined where perf is not installed. */
export function perfVersion(): string | undefined {
  return spawnSync(command, ["--version"], { encoding: "utf8" }).stdout?.match(/version (\S+)/)?.[1];
}

/** Lets perf dump a file, to /dev/null. Returns its CPU seconds, user and system. */
export function perfDump(path: string): number {
  const script = 'TIMEFORMAT="%U %S"; time "$1" report -D -i "$2" >/dev/null 2>&1';
  const { status, stderr } = spawnSync("bash", ["-c", script, "bash", command, path], { encoding: "utf8" });
  if (status !== 0) throw new Error(`perf report -D: status ${status}`);
  const [user, system] = stderr.trim().split(" ").map(Number);
  return user! + system!;
}

/** The lines of the SPE data in perf's dump of a file. */
export function perfLines(path: string): string[] {
  const { stdout } = spawnSync(command, ["report", "-D", "-i", path], {
    encoding: "utf8",
    maxBuffer: 1 << 29,
  });
  const lines = stdout.split("\n");
  const start = lines.findIndex((line) => line.includes("ARM SPE data"));
  return lines.slice(start, lines.indexOf("", start));
}
