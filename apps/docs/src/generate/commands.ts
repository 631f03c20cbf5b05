import { execFileSync } from "node:child_process";
import { root } from "./workspace.js";
import { writePage } from "./write.js";

/** The command from its sources, as the packages are read here. */
export function kvmm(args: readonly string[], cwd = root): string {
  const file = `${root}apps/cli/src/main.ts`;
  const tsx = `${root}node_modules/.bin/tsx`;
  const env = { ...process.env, NO_COLOR: "1", COLUMNS: "100" };
  return execFileSync(tsx, ["--conditions=@kvmm/source", file, ...args], { encoding: "utf8", cwd, env });
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
    "",
    'The exit status is 0 for "holds", 1 for "does not hold" or "differs", 2 for "could not run".',
  ];
  for (const name of commands) {
    lines.push("", `## kvmm ${name}`, "", "```text", kvmm([name, "--help"]).trimEnd(), "```");
  }
  writePage("reference/commands.md", lines, ["aside: false", "pageClass: wide"]);
}

/** Does it stand in the list of commands, and not in that of options or examples? */
function isCommand(overview: string, name: string): boolean {
  const list = /\nCommands:\n([\s\S]*?)\n\n/.exec(overview)?.[1] ?? "";
  return new RegExp(`^ {2}${name}\\b`, "m").test(list);
}
