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

/** The explorer beside SPIN: one row for each model and size. */
export function explorerTable(rows: readonly Row[]): string {
  return table(
    ["model", "sizes", "kvmm", "states", "s", "MB", "SPIN", "SPIN's states", "SPIN's s", "SPIN's MB"],
    rows.map(({ model, sizes, isWrong, kvmm, spin }) => [
      `${plain(model)}${isWrong ? ", with a bug" : ""}`,
      sizes.join(", "),
      ...outcome(kvmm),
      ...(spin === null ? ["", "", "", ""] : outcome(spin)),
    ]),
    [false, false, false, true, true, true, false, true, true, true],
  );
}

function outcome({ verdict, states, cpuSeconds, megabytes }: Outcome): readonly string[] {
  return [plain(verdict), cell(states), cell(cpuSeconds), cell(Math.round(megabytes))];
}
