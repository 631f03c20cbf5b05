import { readdirSync, readFileSync } from "node:fs";
import { patches } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";
import { root } from "./workspace.js";

const directory = `${root}packages/scenario/src/patches/`;

/**
 * Patches that take an upstream fix back, and the test that catches each: a build of this site does not run those tests,
 * but nothing lands unless they pass.
 */
export function undoneLines(): readonly string[] {
  const undo = patches.filter(({ name }) => name.startsWith("undo-"));
  const files = readdirSync(directory);
  const modules = files.filter((file) => file.startsWith("undo-") && !file.endsWith(".test.ts"));
  const tests = files.filter((file) => file.endsWith(".test.ts"));
  const moduleOf = (name: string) => modules.find((file) => read(file).includes(`"${name}"`));
  const rows = undo.map(({ name, title }) => {
    const module = moduleOf(name)?.replace(/\.ts$/, ".js");
    const test = tests.find((file) => module !== undefined && read(file).includes(`./${module}`));
    return [code(name), plain(title.replace(/^Undo: /, "")), test === undefined ? "no test yet" : code(test)];
  });
  const caught = rows.filter(([, , test]) => test !== "no test yet").length;
  return [
    `A patch can also take an upstream fix back. The model has to find what each of these ${undo.length} fixes had mended;`,
    `${caught} have a test that fails unless the property named in it catches the bug, and holds with the fix in place.`,
    "",
    table(["patch", "the fix that it undoes", "caught in"], rows),
  ];
}

function read(file: string): string {
  return readFileSync(`${directory}${file}`, "utf8");
}
