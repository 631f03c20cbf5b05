import { cell } from "./benchmark-tables.js";
import { plain, table } from "./markdown.js";

/** What one explorer made of a model. */
interface Outcome {
  readonly verdict: string;
  readonly states: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
}

/** A row of bench/results/explore.json. */
interface Row {
  readonly model: string;
  readonly sizes: readonly number[];
  /** The model has a bug, which is to be found. */
  readonly isWrong: boolean;
  readonly kvmm: Outcome;
  readonly spin: Outcome | null;
}

/** bench/results/explore.json */
export interface ExplorerResults {
  readonly rows: readonly Row[];
  /** CPU seconds that each row had. */
  readonly seconds: number;
  /** Random walks over the smallest ring. */
  readonly random: { readonly steps: number; readonly cpuSeconds: number } | null;
  /** The same by Quint's simulator. */
  readonly quint: { readonly steps: number; readonly cpuSeconds: number } | null;
}

/** The explorer beside SPIN: one row for each model and size; and random walks beside Quint's. */
export function explorerLines({ rows, seconds, random, quint }: ExplorerResults): readonly string[] {
  const walks = [
    ...(random === null ? [] : [["kvmm", random] as const]),
    ...(quint === null ? [] : [["Quint", quint] as const]),
  ];
  return [
    table(
      ["model", "sizes", "kvmm", "states", "s", "MB", "SPIN", "SPIN's states", "SPIN's s", "SPIN's MB"],
      rows.map(({ model, sizes, isWrong, kvmm, spin }) => [
        `${plain(model)}${isWrong ? ", with a bug" : ""}`,
        sizes.join(", "),
        ...outcome(kvmm),
        ...(spin === null ? ["", "", "", ""] : outcome(spin)),
      ]),
      [false, false, false, true, true, true, false, true, true, true],
    ),
    "",
    `Each had ${seconds} s; what did not end by then is *unknown* or *unfinished*.`,
    "",
    "### Random walks",
    "",
    "One interleaving at a time, where there are too many to see them all: over the ring of sizes 2, 2, 2, 2.",
    "",
    table(
      ["simulator", "steps", "CPU s", "steps a CPU s"],
      walks.map(([name, { steps, cpuSeconds }]) => [
        name,
        cell(steps),
        cell(cpuSeconds),
        cell(Math.round(steps / cpuSeconds)),
      ]),
      [false, true, true, true],
    ),
  ];
}

function outcome({ verdict, states, cpuSeconds, megabytes }: Outcome): readonly string[] {
  return [plain(verdict), cell(states), cell(cpuSeconds), cell(Math.round(megabytes))];
}
