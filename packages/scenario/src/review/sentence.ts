import { kernelInWords } from "../kernels/kernels.js";
import type { ReviewPart } from "./review.js";

/** Scenarios named per place where something breaks. */
const MOST_NAMED = 3;

/** The verdict in words: where it breaks, in what model, on what evidence, and what it does not cover. */
export function sentenceOf(patch: string, parts: readonly ReviewPart[]): string {
  const broken = parts.filter((part) => part.broken.length > 0);
  const sound = parts.filter((part) => part.broken.length === 0);
  const found = [
    ...broken.map((part) => `on ${place(part)} ${whatBreaks(part)}`),
    sound.length === 0 ? "" : `nothing that held without it breaks on ${sound.map(place).join(", ")}`,
  ].filter(Boolean);
  const models = [...new Set(parts.map(({ kernel }) => kernelInWords(kernel)))].join(" and of ");
  return `${found.join("; ")}. In the model of ${models}: ${evidence(patch, parts)}. ${scope(parts)} Not covered: races of more threads, weakly ordered memory, SPE beyond one buffer under NUMA balancing.`;
}

function place({ kernel, arch }: ReviewPart): string {
  return `${kernel} ${arch}`;
}

function whatBreaks({ broken }: ReviewPart): string {
  const properties = [...new Set(broken.map(({ violation }) => violation.property))].join(", ");
  const all = [...new Set(broken.map(({ scenario }) => scenario))];
  const shown =
    all.length > MOST_NAMED ? [...all.slice(0, MOST_NAMED), `and ${all.length - MOST_NAMED} more`] : all;
  const scenarios = shown.join(", ");
  return `"${properties}" no longer holds (${scenarios})`;
}

/** What real kernels were recorded doing. */
function evidence(patch: string, parts: readonly ReviewPart[]): string {
  const recorded = parts.filter(({ evidence: { without } }) => without.recordedOn.length > 0);
  const stands = recorded.map((part) => {
    const { without, with: patched } = part.evidence;
    const both =
      patched.recordedOn.length === 0
        ? `none of one with ${patch}: that side is the model's word alone`
        : `${count(patched.reproduced, "recording")} of one built with ${patch}${shortfall(patched)}`;
    return `${count(without.reproduced, "recording")} of a ${place(part)} kernel reproduced${shortfall(without)}, and ${both}`;
  });
  const silent = parts.filter((part) => !recorded.includes(part)).map(place);
  if (silent.length > 0) stands.push(`no recordings of ${silent.join(", ")}`);
  return stands.join("; ");
}

function scope(parts: readonly ReviewPart[]): string {
  const scenarios = Math.max(...parts.map(({ rows }) => rows.length));
  const raceRows = parts.flatMap(({ races }) => races);
  const cut = raceRows.filter((row) => !row.without.complete || !row.with.complete).length;
  const races = Math.max(...parts.map((part) => part.races.length));
  const explored =
    races === 0
      ? "no races"
      : `every interleaving of ${count(races, "race")}${cut === 0 ? "" : ` (${cut} not exhaustively)`}`;
  return `${count(scenarios, "scenario")} with calls made one after the other, ${explored}.`;
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
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
