import type { ReplayResult, SavedRun, Scenario } from "@kvmm/scenario";
import { headText, onInWords, type RunTextOptions, violationsText } from "./run-text.js";
import { wrap } from "./wrap.js";

/** The document of `kvmm run --replay --json`; what goes wrong in it can be replayed again. */
export function replayDocument({ title }: Scenario, result: ReplayResult, saved: SavedRun): unknown {
  const { kernel, arch, patches, ...rest } = result;
  const found = { kernel: saved.kernel, arch: saved.arch, patches: saved.patches };
  return { title, kernel, arch, patches, saved: found, ...rest };
}

/** A replay: what it ran on, the race as it goes now if it goes wrong, and what became of it. */
export function replayText(
  scenario: Scenario,
  result: ReplayResult,
  saved: SavedRun,
  options: RunTextOptions,
): string {
  const { style, width } = options;
  const from = `replays a race of ${onInWords(saved)}`;
  const colour = endsWell(result) ? style.good : style.bad;
  const verdict = colour(wrap(`${result.outcome}: ${result.sentence}`, width));
  const only = result.outcome === "reproduced" ? "" : `${style.faint(wrap(ONLY, width))}\n`;
  return `${headText(scenario, result, style, width)}${style.faint(wrap(from, width))}\n\n${violationsText(result, options)}${verdict}\n${only}`;
}

const ONLY = "No other order of the steps was tried; without --replay, every one is.";

/** Could every step be made, and did nothing go wrong? */
export function endsWell({ outcome }: ReplayResult): boolean {
  return outcome === "no longer goes wrong";
}
