import { type ConformInput, type Counts, conform, type RecordResult } from "../conform/conform.js";
import type { Architecture } from "../format/machine.js";
import { type Kernel, kernelOf } from "../kernels/kernels.js";
import type { RunScenario } from "../model.js";

/** What a column of a review stands on: recordings of a real kernel, held against the model. */
export interface Evidence extends Counts {
  /** The kernels that were recorded, by their own names. */
  readonly recordedOn: readonly string[];
  /** Ids of the recordings that are reproduced. */
  readonly ids: readonly string[];
}

/** Holds the model against the recordings of a kernel with exactly these patches. */
export function evidenceFor(
  kernel: Kernel,
  arch: Architecture,
  patches: readonly string[],
  recordings: readonly ConformInput[],
  run: RunScenario,
): Evidence {
  const wanted = [...patches].sort().join();
  const own = recordings.filter(({ recording: { machine } }) => {
    return (
      (machine.arch ?? "arm64") === arch &&
      kernelOf(machine.kernel ?? "")?.name === kernel.name &&
      [...(machine.patches ?? [])].sort().join() === wanted
    );
  });
  const { counts, records, groups } = conform(own, { run });
  const reproduced = (record: RecordResult) => record.outcome === "reproduced";
  return {
    ...counts,
    recordedOn: [...new Set(groups.map((group) => group.kernel))],
    ids: records.filter(reproduced).map(({ id }) => id),
  };
}
