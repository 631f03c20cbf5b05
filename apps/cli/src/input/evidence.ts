import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConformInput, library, readRecordings } from "@kvmm/scenario";

/** Recordings come with the package; in a checkout they lie in its root, seen from dist/ or from src/input/. */
const PLACES = ["../recordings", "../../../recordings", "../../../../recordings"];

/**
 * The recordings that a review stands on: the first selection, and whatever does the same as a built-in scenario.
 * None where there are no recordings at hand.
 */
export async function readEvidence(): Promise<readonly ConformInput[]> {
  const here = dirname(fileURLToPath(import.meta.url));
  for (const place of PLACES) {
    const folder = join(here, place);
    const folders = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const named = folders
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    if (named.length > 0) return (await Promise.all(named.map((name) => readFolder(folder, name)))).flat();
  }
  return [];
}

async function readFolder(folder: string, name: string): Promise<ConformInput[]> {
  const files = (await readdir(join(folder, name))).filter((file) => file.endsWith(".jsonl")).sort();
  const read = await Promise.all(
    files.map((file) => readOne(join(folder, name, file), `${name}/${file}`, file === "first.jsonl")),
  );
  return read.flat();
}

async function readOne(path: string, file: string, all: boolean): Promise<ConformInput[]> {
  const text = await readFile(path, "utf8");
  const wanted = all
    ? text
    : text
        .split("\n")
        .map((line) => (isBuiltIn(line) ? line : ""))
        .join("\n");
  if (wanted.trim() === "") return [];
  return readRecordings(new TextEncoder().encode(wanted), file).map((line) => ({ file, ...line }));
}

const builtInIds: ReadonlySet<string> = new Set(library.map(({ recordedAs }) => recordedAs));

function isBuiltIn(line: string): boolean {
  const id = /^\{"id": ?"([^"]*)"/.exec(line)?.[1];
  return id !== undefined && builtInIds.has(id);
}
