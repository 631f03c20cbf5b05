import { spawnSync } from "node:child_process";

/** What a command line came to, and the CPU time that it and its children took. */
export interface Ran {
  readonly status: number;
  /** What it wrote, errors last. */
  readonly output: string;
  readonly seconds: number;
}

/** Runs a command line in a folder. */
export function cpu(folder: string, command: string): Ran {
  const timed = `TIMEFORMAT='cpu %U %S'; time { ${command}; }`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", timed], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
    maxBuffer: 1 << 26,
  });
  const [, user, system] = /cpu ([\d.]+) ([\d.]+)\s*$/.exec(stderr) ?? [];
  return { status: status ?? 1, output: stdout + stderr, seconds: Number(user) + Number(system) };
}
