import {
  changeInWords,
  initiallyInWords,
  type LaneRow,
  laneRows,
  type RaceTrace,
  rowInWords,
  type Violation,
} from "@kvmm/scenario";
import type { Style } from "./style.js";
import { visibleLength } from "./table.js";
import { wrap } from "./wrap.js";

export interface LaneOptions {
  /** Also the steps that have nothing to do with the failure. */
  readonly all?: boolean;
}

/** How the last row is marked. */
const WRONG = "goes wrong here";

/** Columns of a lane in which a kernel function's name has room, and of the values beside the lanes. */
const LANE = 44;
const VALUES = 36;
/** Below this width a lane has no column of its own. */
const NARROW = 60;

/**
 * A race: a lane for each thread, what each step does to the shared state, where it goes wrong, and at the end in one
 * sentence why. Lanes stand side by side where there is room, else as marks in front of the steps; on a narrow
 * terminal each thread's steps follow its name.
 */
export function lanes(violation: Violation, style: Style, width: number, options: LaneOptions = {}): string {
  const { race, text, property, why } = violation;
  const ending = style.bad(wrap(`${property}: ${text}`, width, "  "));
  const reason = why === undefined || why === "" ? "" : `${wrap(why, width)}\n`;
  if (race === undefined) return `${ending}\n${reason}`;
  const rows = laneRows(race, options);
  const initially = initiallyInWords(race.initially, rows);
  const hidden =
    options.all === true ? "" : ` ${rows.length} rows stand for them; kvmm run --all-steps shows everything.`;
  const head =
    initially.length === 0 ? "" : `${style.faint(wrap(`at first: ${initially.join(", ")}`, width, "  "))}\n`;
  return `${head}${layout(rows, race, style, width)}${ending}\n${reason}${style.faint(wrap(`${sizeOf(race)}${hidden}`, width))}\n`;
}

function layout(rows: readonly LaneRow[], race: RaceTrace, style: Style, width: number): string {
  if (width < NARROW) return asList(rows, style, width);
  const { threads } = race;
  return width >= threads.length * (LANE + 2) + VALUES
    ? asColumns(rows, threads, style, width)
    : asMarks(rows, threads, style, width);
}

/** How many steps and preemptions a race has, as a sentence. */
export function sizeOf({ steps, preemptions, isShortest }: RaceTrace): string {
  const fewest = isShortest ? ", the fewest there can be" : "";
  return `${counted(steps.length, "step")}, ${counted(preemptions, "preemption")}${fewest}.`;
}

const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;

/** Lanes side by side, and the values behind them. */
function asColumns(
  rows: readonly LaneRow[],
  threads: readonly string[],
  style: Style,
  width: number,
): string {
  const { bar } = style.lines;
  const lane = Math.min(LANE + 6, Math.floor((width - VALUES) / threads.length) - 2);
  const rest = width - threads.length * (lane + 2);
  const head = [...threads.map((name) => style.strong(name.padEnd(lane))), style.strong("changes")].join(
    "  ",
  );
  const lines = rows.flatMap((row) => {
    const texts = row.texts.flatMap((text) => `  ${wrap(text, lane - 2, "    ")}`.split("\n"));
    const own = [
      ...marksOf(row).map((mark) => `-- ${mark}`),
      ...wrap(`${row.function}()`, lane, "  ").split("\n"),
      ...texts,
    ];
    const values = row.changed.flatMap((change) => wrap(changeInWords(change), rest, "  ").split("\n"));
    const offset = marksOf(row).length;
    const height = Math.max(own.length, values.length + offset);
    return Array.from({ length: height }, (_, i) => {
      const cells = threads.map((thread) => {
        const text = thread === row.thread ? (own[i] ?? "") : style.faint(bar);
        return pad(thread === row.thread && i < offset ? style.bad(text) : text, lane);
      });
      return [...cells, values[i - offset] ?? ""].join("  ").trimEnd();
    });
  });
  return `${[head, ...lines].join("\n")}\n`;
}

/** A column of marks for each thread, in front of what is done. */
function asMarks(rows: readonly LaneRow[], threads: readonly string[], style: Style, width: number): string {
  const { bar, dot } = style.lines;
  const widths = threads.map((name) => Math.max(name.length, 3) + 1);
  const gutter = widths.reduce((sum, w) => sum + w, 1);
  const head = threads.map((name, i) => style.strong(pad(name, widths[i]!))).join("");
  const lines = rows.flatMap((row) => {
    const text = wrapRow(row, style, width - gutter);
    return text.map((line, i) => {
      const marks = threads.map((thread, column) => {
        const mark = thread === row.thread && i === 0 ? style.strong(dot) : style.faint(bar);
        return pad(` ${mark}`, widths[column]!);
      });
      return `${marks.join("")} ${line}`.trimEnd();
    });
  });
  return `${[head.trimEnd(), ...lines].join("\n")}\n`;
}

/** One lane after the other: a thread's name where it goes on, and its steps under it. */
function asList(rows: readonly LaneRow[], style: Style, width: number): string {
  let thread = "";
  const lines = rows.flatMap((row) => {
    const text = wrapRow(row, style, width - 2).map((line) => `  ${line}`);
    if (row.thread === thread) return text;
    thread = row.thread;
    return [style.strong(thread), ...text];
  });
  return `${lines.join("\n")}\n`;
}

function wrapRow(row: LaneRow, style: Style, width: number): string[] {
  const words = rowInWords(row).join("; ");
  const lines = wrap(`${row.function}()${words === "" ? "" : `: ${words}`}`, width, "  ").split("\n");
  return [...marksOf(row).map((mark) => style.bad(`-- ${mark}`)), ...lines];
}

/** What is said of a row before what it does: a thread is preempted for it, it goes wrong. */
export function marksOf({ preempts, isWrong }: LaneRow): string[] {
  return [...(preempts === null ? [] : [`${preempts} is preempted`]), ...(isWrong ? [WRONG] : [])];
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - visibleLength(text)));
}
