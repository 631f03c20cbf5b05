import { readdirSync, readFileSync } from "node:fs";
import { patches } from "@kvmm/scenario";
import { unmodelledBugs } from "./historical-bugs.js";
import { code, plain, table } from "./markdown.js";
import { root } from "./workspace.js";

const directory = `${root}packages/scenario/src/patches/`;

/** A patch that takes an upstream fix back. */
export interface UndonePatch {
  readonly name: string;
  readonly commit: string;
  readonly year: number;
  /** The subject of the fix. */
  readonly subject: string;
  /** The file of the tests that fail unless the bug is caught. */
  readonly caughtIn: string | undefined;
}

/** From the code: what each takes out, and the tests that import it. */
export function undonePatches(): readonly UndonePatch[] {
  const files = readdirSync(directory);
  const modules = files.filter((file) => file.startsWith("undo-") && !file.endsWith(".test.ts"));
  const tests = files.filter((file) => file.endsWith(".test.ts"));
  return patches
    .filter(({ name }) => name.startsWith("undo-"))
    .map(({ name, title, origin }) => {
      const module = modules.find((file) => read(file).includes(`"${name}"`))?.replace(/\.ts$/, ".js");
      const [, commit = "", year = ""] = /([0-9a-f]{12}) \((\d{4})\)/.exec(origin) ?? [];
      return {
        name,
        commit,
        year: Number(year),
        subject: title.replace(/^Undo: /, ""),
        caughtIn: tests.find((file) => module !== undefined && read(file).includes(`./${module}`)),
      };
    });
}

/** A build of this site does not run the tests that are named, but nothing lands unless they pass. */
export function undoneLines(): readonly string[] {
  const undone = undonePatches();
  return [
    `Bugs that were fixed upstream test the model. A patch takes each of these ${undone.length} fixes back: the test beside it fails`,
    "unless a property catches the bug, and unless everything holds with the fix in place.",
    "",
    table(
      ["the fix", "year", "taken back by", "caught in"],
      undone.map(({ name, year, subject, caughtIn }) => [
        plain(subject),
        `${year}`,
        code(name),
        caughtIn === undefined ? "no test yet" : code(caughtIn),
      ]),
    ),
    "",
    "### Not undone {#bugs-not-undone}",
    "",
    `Another ${unmodelledBugs.length} were looked at. A verdict says nothing about bugs of their kind.`,
    "",
    table(
      ["the fix", "year", "commit", "why not"],
      unmodelledBugs.map(({ subject, year, commit, why }) => [
        plain(subject),
        `${year}`,
        code(commit),
        plain(why),
      ]),
    ),
  ];
}

function read(file: string): string {
  return readFileSync(`${directory}${file}`, "utf8");
}
