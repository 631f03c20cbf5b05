import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConformInput, hostOperations, library, readRecordings } from "@kvmm/scenario";

/** Recordings come with the package; in a checkout they lie in its root, seen from dist/ or from src/input/. */
const PLACES = ["../recordings", "../../../recordings", "../../../../recordings"];

/** Who asks for recordings. */
export type EvidenceFor = "review" | "matrix";

/**
 * The recordings of what does the same as a scenario of a review or of the matrix; for a review, the first selection as
 * well. None where there are no recordings at hand.
 */
export async function readEvidence(wanted: EvidenceFor): Promise<readonly ConformInput[]> {
  const here = dirname(fileURLToPath(import.meta.url));
  for (const place of PLACES) {
    const folder = join(here, place);
    const folders = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const named = folders
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    if (named.length > 0)
      return (await Promise.all(named.map((name) => readFolder(folder, name, wanted)))).flat();
  }
  return [];
}

async function readFolder(folder: string, name: string, wanted: EvidenceFor): Promise<ConformInput[]> {
  const files = (await readdir(join(folder, name))).filter((file) => file.endsWith(".jsonl")).sort();
  const read = await Promise.all(
    files.map((file) =>
      readOne(
        join(folder, name, file),
        `${name}/${file}`,
        file === "first.jsonl" && wanted === "review",
        wanted,
      ),
    ),
  );
  return read.flat();
}

async function readOne(
  path: string,
  file: string,
  all: boolean,
  asker: EvidenceFor,
): Promise<ConformInput[]> {
  const text = await readFile(path, "utf8");
  const wanted = all
    ? text
    : text
        .split("\n")
        .map((line) => (idsFor[asker].has(idOf(line)) ? line : ""))
        .join("\n");
  if (wanted.trim() === "") return [];
  return readRecordings(new TextEncoder().encode(wanted), file).map((line) => ({ file, ...line }));
}

const idsFor: Readonly<Record<EvidenceFor, ReadonlySet<string>>> = {
  review: new Set(library.map(({ recordedAs }) => recordedAs)),
  matrix: new Set(hostOperations.map(({ recordedAs }) => recordedAs)),
};

/** The id that a line of recordings begins with. */
function idOf(line: string): string {
  return /^\{"id": ?"([^"]*)"/.exec(line)?.[1] ?? "";
}
