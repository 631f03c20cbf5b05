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
  readonly spin: (Outcome & { readonly compileSeconds: number }) | null;
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
      [
        "model",
        "sizes",
        "kvmm",
        "states",
        "s",
        "MB",
        "SPIN",
        "SPIN's states",
        "SPIN's s",
        "to compile, s",
        "SPIN's MB",
        "kvmm's s / SPIN's",
      ],
      rows.map(({ model, sizes, isWrong, kvmm, spin }) => [
        `${plain(model)}${isWrong ? ", with a bug" : ""}`,
        sizes.join(", "),
        ...outcome(kvmm),
        ...(spin === null ? ["", "", "", "", "", ""] : peer(kvmm, spin)),
      ]),
      [false, false, false, true, true, true, false, true, true, true, true, true],
    ),
    "",
    ...whereSpinIsBetter(rows).flatMap((text) => [text, ""]),
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

/** Where SPIN is better, in sentences. */
export function whereSpinIsBetter(rows: readonly Row[]): readonly string[] {
  const finished = rows.flatMap(({ model, sizes, isWrong, kvmm, spin }) =>
    spin === null || !areFinished(kvmm, spin)
      ? []
      : [{ name: `${model} ${sizes.join(", ")}${isWrong ? " with a bug" : ""}`, kvmm, spin }],
  );
  if (finished.length === 0) return [];
  const slower = finished.filter(({ kvmm, spin }) => kvmm.cpuSeconds > spin.cpuSeconds);
  const slowerStill = finished.filter(
    ({ kvmm, spin }) => kvmm.cpuSeconds > spin.cpuSeconds + spin.compileSeconds,
  );
  const larger = finished.filter(({ kvmm, spin }) => kvmm.megabytes > spin.megabytes);
  const list = (found: typeof finished) =>
    found.length === 0 ? "none" : plain(found.map(({ name }) => name).join("; "));
  const counted = (found: typeof finished) => `${found.length} of ${finished.length}`;
  return [
    `Where SPIN is better, of the models that both finish: it takes less CPU time, its compilation aside, on ${counted(slower)} (${list(slower)}); with its compilation, on ${counted(slowerStill)} (${list(slowerStill)}); less memory on ${counted(larger)} (${list(larger)}).`,
    "SPIN's models are written for it, though, and these paths are TypeScript that also runs alone. With a bug left in, SPIN's trail is the first that it meets, and kvmm's seconds include the search for the shortest.",
  ];
}

/** Only then was the work the same. */
function areFinished(kvmm: Outcome, spin: Outcome): boolean {
  return kvmm.verdict !== "unknown" && spin.verdict !== "unfinished";
}

function peer(kvmm: Outcome, spin: NonNullable<Row["spin"]>): readonly string[] {
  const [verdict, states, seconds, megabytes] = outcome(spin);
  const ratio = areFinished(kvmm, spin) ? cell(kvmm.cpuSeconds / spin.cpuSeconds) : "";
  return [verdict, states, seconds, cell(spin.compileSeconds), megabytes, ratio];
}

function outcome({
  verdict,
  states,
  cpuSeconds,
  megabytes,
}: Outcome): readonly [string, string, string, string] {
  return [plain(verdict), cell(states), cell(cpuSeconds), cell(Math.round(megabytes))];
}
