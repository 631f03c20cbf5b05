import { type RaceOutcome, type ReviewPart, races } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";
import { RFC, rfcReview } from "./rfc-review.js";

/** Every built-in race on each kernel and architecture, without a patch and with the RFC: what the explorer says now. */
export function raceLines(): readonly string[] {
  const parts = rfcReview();
  const rows = races.map(({ name, title, architectures }) => [
    `[${name}](/playground.md#example=${encodeURIComponent(name)})`,
    plain(title),
    ...parts.map((part) => (architectures.includes(part.arch) ? verdicts(part, name) : "")),
  ]);
  return [
    "Every interleaving of the threads of each built-in race. One verdict: the same without a patch and with",
    `${code(RFC)}; else without and with. A race that breaks opens in the playground with its counterexample. What each`,
    "has to come to is written down in `packages/scenario/src/library/races.test.ts`, and nothing lands unless it does.",
    "",
    table(["race", "is", ...parts.map(({ kernel, arch }) => `${kernel} ${arch}`)], rows),
  ];
}

function verdicts(part: ReviewPart, name: string): string {
  const row = part.races.find(({ scenario }) => scenario === name);
  if (row === undefined) return "not modelled";
  const [without, patched] = [verdict(row.without), verdict(row.with)];
  return without === patched ? without : `${without} → ${patched}`;
}

function verdict({ verdict: found, complete }: RaceOutcome): string {
  if (found === "breaks") return "**breaks**";
  return complete ? "holds" : "holds, as far as seen";
}
