import { type ConformInput, type Counts, conform, type RecordResult, runScenario } from "@kvmm/scenario";

/** How one set of recordings compares with the model. */
export interface Conformance {
  readonly counts: Counts;
  readonly records: readonly RecordResult[];
}

/** As `conform`, one record at a time: where the model itself fails, that record differs, and the others still count. */
export function conformance(inputs: readonly ConformInput[]): Conformance {
  const records = inputs.map(recordResult);
  const having = (outcome: RecordResult["outcome"]) =>
    records.filter((record) => record.outcome === outcome).length;
  const counts = {
    reproduced: having("reproduced"),
    differ: having("differs"),
    notModelled: having("not modelled"),
  };
  return { counts, records };
}

function recordResult(input: ConformInput): RecordResult {
  try {
    return conform([input], { run: runScenario }).records[0]!;
  } catch (error) {
    const { file, line, recording } = input;
    console.warn(
      `${file}:${line}: ${recording.id}: the model fails: ${error instanceof Error ? error.message : error}`,
    );
    return { file, line, id: recording.id, outcome: "differs", differences: [], lacking: [] };
  }
}
