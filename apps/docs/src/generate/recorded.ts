import { readdirSync, readFileSync } from "node:fs";
import { type ConformInput, readRecordings } from "@kvmm/scenario";
import { root } from "./workspace.js";

/** The recordings of one kernel. */
export interface RecordedSet {
  readonly folder: string;
  readonly inputs: readonly ConformInput[];
}

/** All recordings of the repository, by folder. */
export function recordedSets(): readonly RecordedSet[] {
  const directory = `${root}recordings/`;
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => name)
    .sort()
    .map((folder) => ({ folder, inputs: filesOf(`${directory}${folder}/`).flatMap(readAll) }));
}

function filesOf(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .map((name) => `${directory}${name}`);
}

function readAll(path: string): readonly ConformInput[] {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return readRecordings(readFileSync(path), file).map(({ line, recording }) => ({ file, line, recording }));
}
