import { z } from "zod";
import type { SavedRace } from "../race/race-trace.js";
import { checkShape } from "./check-shape.js";
import { problemIn } from "./document.js";
import { parseJson } from "./json.js";
import { textOf } from "./scenario.js";

/** A counterexample that was saved, and what it was found on. */
export interface SavedRun {
  readonly kernel: string;
  readonly arch: string;
  readonly patches: readonly string[];
  readonly race: SavedRace;
}

/** What a saved run should be. */
const WANTED = "it should be what kvmm run --json printed of threads that break something";

const natural = z.number().int().min(0, "it should be a whole number from 0 on");
const raceSchema = z.object({
  threads: z.array(z.string()),
  message: z.string(),
  loopsTo: natural.nullable(),
  steps: z
    .array(
      z.object({
        thread: z.string(),
        function: z.string(),
        object: z.string().nullable(),
        what: z.string(),
        outcome: natural,
        accesses: z.array(z.object({ function: z.string(), does: z.string() })).optional(),
      }),
    )
    .min(1, "a counterexample has steps"),
});
const schema = z.object({
  kernel: z.string(),
  arch: z.string(),
  patches: z.array(z.string()),
  violations: z.array(z.object({ race: raceSchema.optional() })),
});

/**
 * Reads the first counterexample of a document that `kvmm run --json` printed, of this version or another.
 * Throws an `InputError` for the first mistake in it.
 */
export function readSavedRace(source: string | Uint8Array, file = "saved run"): SavedRun {
  const document = parseJson(textOf(source, file, WANTED), file);
  const { kernel, arch, patches, violations } = checkShape(document, schema);
  const at = violations.findIndex(({ race }) => race !== undefined);
  const race = violations[at]?.race;
  if (race === undefined)
    throw problemIn(document, {
      path: ["violations"],
      problem: "has no race",
      hint: WANTED,
    });
  const path = ["violations", at, "race"];
  const { threads, steps, loopsTo } = race;
  const unknown = steps.findIndex(({ thread }) => !threads.includes(thread));
  if (unknown >= 0)
    throw problemIn(document, {
      path: [...path, "steps", unknown, "thread"],
      problem: `is none of the threads: ${JSON.stringify(steps[unknown]!.thread)}`,
      hint: `threads: ${threads.join(", ")}`,
    });
  if (loopsTo !== null && loopsTo >= steps.length)
    throw problemIn(document, {
      path: [...path, "loopsTo"],
      problem: `is ${loopsTo}`,
      hint: steps.length === 1 ? "there is 1 step" : `there are ${steps.length} steps`,
    });
  return { kernel, arch, patches, race };
}
