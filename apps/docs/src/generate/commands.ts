import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { root } from "./workspace.js";
import { writePage } from "./write.js";

/**
 * What the command prints: as it was built if nothing has changed since, which is quicker; else from its sources.
 * @throws Error where it could not run
 */
export function kvmm(args: readonly string[], cwd = root): string {
  const env = { ...process.env, NO_COLOR: "1", COLUMNS: "100" };
  const options = { encoding: "utf8", cwd, env } as const;
  const ended = isBuilt()
    ? spawnSync(process.execPath, [BUILT, ...args], options)
    : spawnSync(
        `${root}node_modules/.bin/tsx`,
        ["--conditions=@kvmm/source", `${root}apps/cli/src/main.ts`, ...args],
        options,
      );
  if (ended.error) throw ended.error;
  if (ended.status !== 0 && ended.status !== 1)
    throw new Error(`kvmm ${args.join(" ")} ended with ${ended.status}: ${ended.stderr}`);
  return ended.stdout;
}

const BUILT = `${root}apps/cli/dist/main.js`;

let built: boolean | undefined;

function isBuilt(): boolean {
  built ??= existsSync(BUILT) && newest(`${root}apps/cli`) < statSync(BUILT).mtimeMs && packagesAreBuilt();
  return built;
}

function packagesAreBuilt(): boolean {
  return readdirSync(`${root}packages`).every((name) => {
    const entry = `${root}packages/${name}/dist/index.js`;
    return existsSync(entry) && newest(`${root}packages/${name}`) < statSync(entry).mtimeMs;
  });
}

/** When a source of a package was last changed. */
function newest(directory: string): number {
  const files = readdirSync(`${directory}/src`, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && !file.name.endsWith(".test.ts"))
    .reduce((last, file) => Math.max(last, statSync(`${file.parentPath}/${file.name}`).mtimeMs), 0);
}

/** What the command says of itself: one page, made of its own `--help`. */
export function generateCommands(): void {
  const overview = kvmm(["--help"]);
  const names = [...overview.matchAll(/^ {2}([a-z][\w-]*)(?= |\n)/gm)].map(([, name]) => name!);
  const commands = names.filter((name) => name !== "help" && isCommand(overview, name));
  const lines = [
    "# Commands",
    "",
    "From a checkout: `npm run -s kvmm -- ARGS`. What follows is what the command says of itself.",
    "",
    "```text",
    overview.trimEnd(),
    "```",
  ];
  for (const name of commands) {
    lines.push("", `## kvmm ${name}`, "", "```text", kvmm([name, "--help"]).trimEnd(), "```");
  }
  writePage("reference/commands.md", lines);
}

/** Does it stand in the list of commands, and not in that of options or examples? */
function isCommand(overview: string, name: string): boolean {
  const list = /\nCommands:\n([\s\S]*?)\n\n/.exec(overview)?.[1] ?? "";
  return new RegExp(`^ {2}${name}\\b`, "m").test(list);
}
