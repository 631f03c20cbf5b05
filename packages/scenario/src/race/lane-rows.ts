import type { WatchedChange } from "@kvmm/interleave";
import type { CallName } from "../format/calls/index.js";
import type { RaceAccess, RaceTrace } from "./race-trace.js";
import { isCounter, isPage } from "./watch.js";
import { briefly } from "./why.js";

/** One row of a race: what a thread does within one kernel function, without a switch in between. */
export interface LaneRow {
  readonly thread: string;
  readonly call: CallName;
  readonly function: string;
  /** What it reads, takes and decides that matters, in words. */
  readonly texts: readonly string[];
  /** What is shown beside the steps and is otherwise after the row than before it. */
  readonly changed: readonly WatchedChange[];
  /** The thread that was interrupted for it in the midst of a call, though it could have gone on; else null. */
  readonly preempts: string | null;
  /** Here it goes wrong. */
  readonly isWrong: boolean;
  /** The steps that it stands for, by their places in the trace. */
  readonly first: number;
  readonly last: number;
}

export interface LaneRowOptions {
  /** Also what has nothing to do with the failure. Default false. */
  readonly all?: boolean;
}

/** A row that is being put together. */
interface Building {
  readonly thread: string;
  readonly call: CallName;
  readonly function: string;
  readonly texts: string[];
  readonly changed: Map<string, WatchedChange>;
  preempts: string | null;
  isWrong: boolean;
  readonly first: number;
  last: number;
}

/** The rows of a race, in the order in which they happen. */
export function laneRows(trace: RaceTrace, { all = false }: LaneRowOptions = {}): readonly LaneRow[] {
  const runs = runsOf(trace, all);
  const rows = runs.flatMap((run) => (all ? run : withoutNoise(run)));
  return rows.map(({ changed, ...row }) => ({ ...row, changed: settled(changed) }));
}

/** The rows of each thread between two switches. */
function runsOf({ steps }: RaceTrace, all: boolean): Building[][] {
  const runs: Building[][] = [];
  // What each thread last read of each thing: reading the same again says nothing, but of a counter.
  const seen = new Map<string, string>();
  for (const [index, step] of steps.entries()) {
    let run = runs.at(-1);
    if (run === undefined || run[0]!.thread !== step.thread) {
      run = [];
      runs.push(run);
    }
    const rowOf = (name: string): Building => {
      let row = run.at(-1);
      if (row === undefined || row.function !== name || row.call !== step.call) {
        row = {
          thread: step.thread,
          call: step.call,
          function: name,
          texts: [],
          changed: new Map(),
          preempts: step.isPreemption && run.length === 0 ? (runs.at(-2)?.[0]?.thread ?? null) : null,
          isWrong: false,
          first: index,
          last: index,
        };
        run.push(row);
      }
      row.last = index;
      return row;
    };
    rowOf(step.function);
    for (const access of step.accesses) {
      const row = rowOf(access.function);
      if (all || (access.matters && says(access, step.thread, seen))) add(row.texts, access.does);
      for (const change of access.changed) {
        note(row.changed, change);
        forget(row.texts, change.name);
      }
      for (const { function: by, text } of access.decisions) add(rowOf(by).texts, all ? text : briefly(text));
    }
  }
  const last = runs.at(-1)?.at(-1);
  if (last !== undefined) last.isWrong = true;
  return runs;
}

/** Is it a read, a wait, or a lock taken, that tells more than the thread knew? */
function says({ does, read }: RaceAccess, thread: string, seen: Map<string, string>): boolean {
  if (read === undefined) return !does.startsWith("writes ");
  const key = `${thread} ${read.name}`;
  const isNew = seen.get(key) !== read.value;
  seen.set(key, read.value);
  return isNew || isCounter(read.name);
}

/** A read of what the same row then changes is told by the change. */
function forget(texts: string[], name: string): void {
  const at = texts.findIndex((text) => text.startsWith(`${name} is `));
  if (at >= 0) texts.splice(at, 1);
}

function add(texts: string[], text: string): void {
  if (!texts.includes(text)) texts.push(text);
}

function note(changed: Map<string, WatchedChange>, change: WatchedChange): void {
  const { name, after } = change;
  const { before } = changed.get(name) ?? change;
  changed.set(name, {
    name,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

function settled(changed: ReadonlyMap<string, WatchedChange>): readonly WatchedChange[] {
  // What mapped nothing, and is no longer shown, is no news.
  return [...changed.values()].filter(
    ({ before, after }) => before !== after && !(before === "none" && after === undefined),
  );
}

/**
 * Leaves out what neither reads nor changes what matters; and of the comings and goings of references to a page, all
 * but what they come to at the end of the run. What remains of one function is one row.
 */
function withoutNoise(run: readonly Building[]): Building[] {
  const kept: Building[] = [];
  for (const [index, row] of run.entries()) {
    const changes = settled(row.changed);
    const counts = changes.length > 0 && changes.every(isCountOfReferences);
    const isLater = () =>
      run.slice(index + 1).some(({ changed }) => settled(changed).some(isCountOfReferences));
    const isNoise = row.texts.length === 0 && (changes.length === 0 || (counts && isLater()));
    if (isNoise && !row.isWrong) continue;
    const before = kept.at(-1);
    if (before?.function === row.function && before.call === row.call) {
      for (const text of row.texts) add(before.texts, text);
      for (const change of changes) note(before.changed, change);
      before.isWrong ||= row.isWrong;
      before.last = row.last;
    } else kept.push({ ...row, texts: [...row.texts], changed: new Map(row.changed) });
  }
  if (kept[0] !== undefined) kept[0].preempts = run[0]!.preempts;
  return kept;
}

function isCountOfReferences({ name, before, after }: WatchedChange): boolean {
  return isPage(name) && before !== undefined && before !== "free" && after !== "free";
}
