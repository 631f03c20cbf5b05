import { readdirSync, readFileSync } from "node:fs";
import type { Recording } from "../src/format/recording.js";
import { readRecordings } from "../src/read/recordings.js";

const folder = new URL("../../../recordings/", import.meta.url);

export interface RecordedFile {
  readonly name: string;
  readonly text: string;
}

/** Every file of recordings in the repository, for tests. */
export const recordedFiles: readonly RecordedFile[] = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(new URL(`${name}/`, folder)).map((file) => `${name}/${file}`))
  .filter((name) => name.endsWith(".jsonl"))
  .sort()
  .map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));

export interface RecordedIn {
  readonly file: string;
  readonly recording: Recording;
}

export const allRecordings: readonly RecordedIn[] = recordedFiles.flatMap(({ name, text }) =>
  readRecordings(text, name).map(({ recording }) => ({ file: name, recording })),
);
