// The benchmarks, each a program of its own: `npm run bench -- NAME...`, or all of them.
import { readdir } from "node:fs/promises";

const root = new URL("../", import.meta.url);
const skipped = new Set(["src", "node_modules", "peers", "results"]);
const folders = (await readdir(root, { withFileTypes: true })).filter(
  (entry) => entry.isDirectory() && !skipped.has(entry.name),
);
const known = folders.map(({ name }) => name).sort();
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`bench: there is no ${unknown.join(", ")}; there are ${known.join(", ")}`);
  process.exitCode = 2;
} else {
  for (const name of wanted.length > 0 ? wanted : known) {
    console.log(`\n== ${name}`);
    await import(new URL(`${name}/run.ts`, root).href);
  }
}
