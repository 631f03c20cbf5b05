import type { RaceStep, SavedRace } from "./race-trace.js";

/** Is it the same property of the same object? Which frame it is, and where things lie, is chance. */
export function isSameFailure(happened: string, message: string): boolean {
  return withoutNumbers(happened) === withoutNumbers(message);
}

/**
 * The first thing that the steps of a saved race do otherwise now, in a sentence; "" if there is none, or if the race
 * does not say what it did.
 */
export function firstDifference({ steps }: SavedRace, now: readonly RaceStep[]): string {
  for (const [i, { thread, accesses: before }] of steps.entries()) {
    const after = now[i]?.accesses;
    if (before === undefined || after === undefined) continue;
    for (let k = 0; k < Math.max(before.length, after.length); k++) {
      const [was, is] = [before[k], after[k]];
      if (was !== undefined && is !== undefined && withoutNumbers(was.does) === withoutNumbers(is.does))
        continue;
      return `Step ${i + 1}, of ${thread}, is the first to do something else: ${told(is)}, where it had been: ${told(was)}.`;
    }
  }
  return "";
}

function told(access: { readonly function: string; readonly does: string } | undefined): string {
  return access === undefined ? "nothing more" : `${access.function}() ${access.does}`;
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\b0x[0-9a-f]+/g, "0x");
}
