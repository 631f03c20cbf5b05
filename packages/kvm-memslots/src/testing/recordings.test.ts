import { readFileSync } from "node:fs";
import { NotModelled } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { Interpreter, type Recording } from "./interpreter.js";

const FOLDER = new URL("../../../../recordings/7.2.13-arm64/", import.meta.url);

function recordings(file: string): Recording[] {
  const lines = readFileSync(new URL(file, FOLDER), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Recording);
}

/** What calls return; faults are the architecture's, and notifiers mm's. */
const COMPARED = ["ret", "errno", "exits", "signals", "bitmap"];

type Pages = readonly (readonly [first: number, end: number, step?: number])[];

function expand(pages: Pages): number[] {
  return pages.flatMap(([first, end, step = 1]) => {
    const list: number[] = [];
    for (let page = first; page < end; page += step) list.push(page);
    return list;
  });
}

/** The same for page lists that are written differently; a signal's code is not always recorded. */
function normal(key: string, value: unknown): unknown {
  if (key === "bitmap") return expand(value as Pages);
  if (key !== "exits" && key !== "signals") return value;
  return (value as { pages: Pages; code?: string }[]).map(({ pages, code, ...entry }) => ({
    ...entry,
    pages: expand(pages),
  }));
}

/** The compared fields of what was predicted, and of what was observed. */
function results(steps: readonly Record<string, unknown>[], recording: Recording): unknown[] {
  return steps.map((step, i) => {
    const { unknown, value } = recording.observed[i]!;
    const keys = [...COMPARED, ...(value === undefined ? [] : ["value"])].filter(
      (key) => key in step && !((unknown ?? []) as readonly string[]).includes(key),
    );
    return Object.fromEntries(keys.map((key) => [key, normal(key, step[key])]));
  });
}

/** Recordings that hang on what this package leaves to others. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "log-get@anon-thp": "the reference MMU maps no blocks",
  "log-clear-initset@anon-thp": "the reference MMU maps no blocks",
};

const FILES = [
  "errno-slots.jsonl",
  "errno-gmem.jsonl",
  "errno-mmap.jsonl",
  "errno-other.jsonl",
  "first.jsonl",
  "slots.jsonl",
  "dirty.jsonl",
  "gmem-life.jsonl",
];

for (const file of FILES) {
  describe(`what calls return on a real kernel, ${file}`, () => {
    for (const recording of recordings(file)) {
      test(recording.id, (context) => {
        const elsewhere = ELSEWHERE[recording.id];
        if (elsewhere !== undefined) return context.skip(elsewhere);
        let seen: Record<string, unknown>[];
        try {
          seen = new Interpreter().run(recording);
        } catch (error) {
          if (error instanceof NotModelled) return context.skip(error.message);
          throw error;
        }
        expect(results(seen, recording)).toEqual(results(recording.observed, recording));
      });
    }
  });
}
