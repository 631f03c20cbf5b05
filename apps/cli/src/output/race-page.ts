import {
  changeInWords,
  initiallyInWords,
  type LaneRow,
  laneRows,
  type RaceTrace,
  type Violation,
} from "@kvmm/scenario";
import { marksOf, sizeOf } from "./lanes.js";

/** What the page says of the run that the races were found in. */
export interface RacePage {
  readonly title: string;
  /** What it ran on: `kernel 7.2, x86`. */
  readonly on: string;
  /** The verdict in words. */
  readonly sentence: string;
  readonly races: readonly RaceViolation[];
  /** Also the steps that have nothing to do with the failure. */
  readonly all: boolean;
}

/** A violation that a race shows. */
type RaceViolation = Violation & { readonly race: RaceTrace };

/** Is it shown by a race, and not by a step? */
export function isRace(violation: Violation): violation is RaceViolation {
  return violation.race !== undefined;
}

/** A page of HTML that needs nothing else: the races of a run, in lanes, in the reader's own colours. */
export function racePage({ title, on, sentence, races, all }: RacePage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="faint">${escaped(on)}</p>
${races.map((race) => section(race, all)).join("")}<p>${escaped(sentence)}</p>
<p class="faint">Made by kvmm run --export: steps of a model of the kernel, not of a kernel.</p>
</main>
</body>
</html>
`;
}

function section({ property, text, why, race }: RaceViolation, all: boolean): string {
  const rows = laneRows(race, { all });
  const initially = initiallyInWords(race.initially, rows);
  const heads = ["step", ...race.threads, "changes"].map((name) => `<th scope="col">${escaped(name)}</th>`);
  const reason = why === undefined || why === "" ? "" : `<p>${escaped(why)}</p>\n`;
  const before =
    initially.length === 0 ? "" : `<p class="faint">At first: ${escaped(initially.join(", "))}.</p>\n`;
  return `<section>
<h2>${escaped(property)}</h2>
<p class="wrong">${escaped(text)}</p>
${reason}${before}<div class="scroll" role="region" tabindex="0" aria-label="One lane for each thread">
<table>
<thead><tr>${heads.join("")}</tr></thead>
<tbody>
${rows.map((row, index) => tableRow(row, index, race.threads)).join("")}</tbody>
</table>
</div>
<p class="faint">${escaped(sizeOf(race))}</p>
</section>
`;
}

function tableRow(row: LaneRow, index: number, threads: readonly string[]): string {
  const lane = [
    ...marksOf(row).map((mark) => `<em>${escaped(mark)}</em>`),
    `<code>${escaped(row.function)}()</code>`,
    ...row.texts.map(escaped),
  ].join("<br>");
  const cells = threads.map((thread) =>
    thread === row.thread ? `<td class="own">${lane}</td>` : "<td></td>",
  );
  const changes = row.changed.map((change) => escaped(changeInWords(change))).join("<br>");
  const mark = row.isWrong ? ' class="goes-wrong"' : "";
  return `<tr${mark}><th scope="row">${index + 1}</th>${cells.join("")}<td>${changes}</td></tr>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

const STYLE = `
:root { color-scheme: light dark; --text: #1c1c1e; --ground: #ffffff; --faint: #5f6368; --line: #d8dade; --own: #eef3fb; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e8; --ground: #17181b; --faint: #a3a8b0; --line: #3a3d43; --own: #222a36; --wrong: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
main { max-width: 80rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.15rem; }
.faint { color: var(--faint); }
.wrong, em { color: var(--wrong); font-weight: 600; font-style: normal; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--wrong); }
table { border-collapse: collapse; width: 100%; min-width: 40rem; font-size: 0.875rem; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; }
th { white-space: nowrap; }
tbody th { color: var(--faint); font-weight: normal; }
td.own { background: var(--own); }
tr.goes-wrong td.own { box-shadow: inset 3px 0 var(--wrong); }
code { font-family: ui-monospace, monospace; font-weight: 600; }
`;
