/** What a unit has done since it was made. Records written, lost and discarded, and samples dropped, add up to samples. */
export interface UnitCounters {
  /** Executed, in whatever state the unit was. */
  operations: number;
  /** Executed while profiling was on: those that were counted. */
  counted: number;
  /** Executed while a buffer management event (PMBSR_EL1.S) kept profiling off. */
  stopped: number;
  /** Operations chosen for a sample. */
  samples: number;
  /** Samples dropped because the one before had not ended. */
  collisions: number;
  /** Samples that a filter dropped. */
  filtered: number;
  /** Samples that profiling's end overtook before they ended. */
  abandoned: number;
  /** Records whose bytes are all in the buffer. */
  written: number;
  /** Bytes of these records. */
  bytesWritten: number;
  /** Records that no event let into the buffer. */
  lost: number;
  /** Records dropped on request (PMBLIMITR_EL1.FM). */
  discarded: number;
  /** Events, by reason. */
  filled: number;
  stage1: number;
  stage2: number;
  granuleProtection: number;
  externalAbort: number;
}

export function newCounters(): UnitCounters {
  return {
    operations: 0,
    counted: 0,
    stopped: 0,
    samples: 0,
    collisions: 0,
    filtered: 0,
    abandoned: 0,
    written: 0,
    bytesWritten: 0,
    lost: 0,
    discarded: 0,
    filled: 0,
    stage1: 0,
    stage2: 0,
    granuleProtection: 0,
    externalAbort: 0,
  };
}
