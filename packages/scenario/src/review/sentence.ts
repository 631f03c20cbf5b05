import { kernelInWords } from "../kernels/kernels.js";
import type { ReviewPart } from "./review.js";

/** The verdict in words: in what model, on what evidence, and what it does not cover. */
export function sentenceOf(patch: string, parts: readonly ReviewPart[]): string {
  const said = parts.map((part) => {
    const { without, with: patched } = part.evidence;
    const stands = `${count(without.reproduced, "recording")} of that kernel reproduced${shortfall(without)}`;
    const alsoPatched =
      patched.recordedOn.length === 0
        ? `no kernel with ${patch} was recorded: that side is the model's word alone`
        : `and ${patched.reproduced} of one built with ${patch}${shortfall(patched)}`;
    const found =
      part.broken.length === 0
        ? "nothing that held without it breaks"
        : `${[...new Set(part.broken.map(({ violation }) => violation.property))].join(", ")} no longer holds in ${count(new Set(part.broken.map(({ scenario }) => scenario)).size, "scenario")}`;
    return `in the model of ${kernelInWords(part.kernel)} on ${part.arch} (${stands}; ${alsoPatched}), over ${count(part.rows.length, "scenario")} with calls made one after the other and ${raceCount(part)}: ${found}`;
  });
  return `${said.join("; ")}. Not covered: races of more threads, weakly ordered memory, SPE.`;
}

function raceCount({ races }: ReviewPart): string {
  if (races.length === 0) return "no race";
  const cut = races.filter((row) => !row.without.complete || !row.with.complete).length;
  return `every interleaving of ${count(races.length, "race")}${cut === 0 ? "" : ` (${cut} of them not exhaustively)`}`;
}

function shortfall({
  differ,
  notModelled,
}: {
  readonly differ: number;
  readonly notModelled: number;
}): string {
  const parts = [
    differ > 0 ? `${differ} differ` : "",
    notModelled > 0 ? `${notModelled} not modelled` : "",
  ].filter(Boolean);
  return parts.length === 0 ? "" : `, ${parts.join(", ")}`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
