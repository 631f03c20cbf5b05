import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { root } from "./root.js";

/** A function of the model that shows in races under a kernel function's name. */
interface Named {
  readonly file: string;
  /** The kernel's. */
  readonly name: string;
  readonly fn: string;
  /** What the function's doc comment says; undefined if it has none, or is not in the file. */
  readonly doc: string | undefined;
}

function namedIn(file: string): readonly Named[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^nameFunctions\(\{(.*?)^\}\);$/gms)].flatMap(([, entries]) =>
    [...entries!.matchAll(/^ {2}(\w+): (?:\[([\w, ]+)\]|(\w+)),$/gm)].flatMap(([, name, several, one]) =>
      (several ?? one!)
        .split(", ")
        .map((fn) => ({ file: relative(root, file), name: name!, fn, doc: docOf(text, fn) })),
    ),
  );
}

function docOf(text: string, fn: string): string | undefined {
  const declared = new RegExp(`^(?:export )?function ${fn}\\b`, "m").exec(text);
  if (declared === null) return undefined;
  const before = text.slice(0, declared.index);
  return /\/\*\*(?:(?!\*\/).)*\*\/\n$/s.exec(before)?.[0];
}

test("each function that has a kernel function's name says in its doc comment that it stands for it", () => {
  const packages = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name, "src"));
  const files = packages
    .flatMap((from) =>
      readdirSync(from, { recursive: true, encoding: "utf8" }).map((file) => join(from, file)),
    )
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  const named = files.flatMap(namedIn);
  expect(named.length).toBeGreaterThan(250);
  // A function may stand for several: __dequeue_x() and dequeue_x().
  const silent = named.filter(({ name, doc }) => doc?.includes(`${name}()`) !== true);
  expect(silent).toEqual([]);
});
