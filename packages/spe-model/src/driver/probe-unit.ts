import { PMBIDR, PMSIDR } from "../registers/spe-registers.js";

/** What the driver keeps of the ID registers. */
export interface ProbedSizes {
  /** Bytes: what the head of a session is aligned to. */
  readonly align: number;
  /** Bytes: room without which a session does not begin. */
  readonly maxRecordSize: number;
}

/**
 * Stands for __arm_spe_pmu_dev_probe().
 * @throws RangeError for a unit that the driver does not take: one that a higher exception level owns, or with sizes
 *   that are reserved
 */
export function probeUnit(pmbidr: bigint, pmsidr: bigint): ProbedSizes {
  const { P, ALIGN } = PMBIDR.decode(pmbidr);
  const { MAXSIZE } = PMSIDR.decode(pmsidr);
  if (P === 1) throw new RangeError("PMBIDR_EL1.P is 1: profiling buffer owned by higher exception level");
  if (ALIGN > 11) throw new RangeError(`PMBIDR_EL1.Align is ${ALIGN}; the driver takes 0 to 11`);
  if (MAXSIZE < 4 || MAXSIZE > 11)
    throw new RangeError(`PMSIDR_EL1.MaxSize is ${MAXSIZE}; the driver takes 4 to 11`);
  return { align: 2 ** ALIGN, maxRecordSize: 2 ** MAXSIZE };
}
