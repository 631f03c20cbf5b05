import { PMSFCR, PMSIDR } from "../registers/spe-registers.js";
import { eventRegisters } from "./event-registers.js";
import type { SpeEventConfig } from "./spe-event.js";

/** What arm_spe_pmu_event_init() says no with, and the feature that the unit lacks. */
export interface EventRefusal {
  readonly errno: "EOPNOTSUPP";
  readonly reason: string;
}

/** What the driver found when it probed the unit. */
export interface ProbedUnit {
  /** PMSIDR_EL1. */
  readonly pmsidr: bigint;
  /** ID_AA64DFR0_EL1.PMSVer: 1 for SPE, 2 for version 1.1 and so on; default 3 (v1.2), the first with `discard`. */
  readonly pmsver?: number;
  /** The bits of PMSEVFR_EL1 that can be set; default all. */
  readonly eventFilterBits?: bigint;
}

/** PMSFCR_EL1's filters, and the field of PMSIDR_EL1 that says that the unit has them; in the driver's order. */
const NEEDS = [
  ["FE", "FE", "filters by event"],
  ["FnE", "FnE", "filters by what did not happen"],
  ["FT", "FT", "filters by type"],
  ["FL", "FL", "filters by latency"],
  ["LDm", "EFT", "masks of filters by type"],
  ["STm", "EFT", "masks of filters by type"],
  ["Bm", "EFT", "masks of filters by type"],
  ["SIMD", "EFT", "filters by SIMD"],
  ["SIMDm", "EFT", "filters by SIMD"],
  ["FP", "EFT", "filters by floating point"],
  ["FPm", "EFT", "filters by floating point"],
] as const;

/** PMSVer of version 1.2. */
const DISCARDS = 3;

/**
 * Why arm_spe_pmu_event_init() (7.2) refuses an event on a unit; undefined where it takes it. The rights that `pa_enable`
 * and `pct_enable` need are not looked at.
 */
export function eventRefusal(config: SpeEventConfig, unit: ProbedUnit): EventRefusal | undefined {
  const { pmsidr, pmsver = DISCARDS, eventFilterBits = 0xffff_ffff_ffff_ffffn } = unit;
  const has = PMSIDR.decode(pmsidr);
  const refused = (reason: string): EventRefusal => ({ errno: "EOPNOTSUPP", reason });
  const unknown = ((config.eventFilter ?? 0n) | (config.invEventFilter ?? 0n)) & ~eventFilterBits;
  if (unknown !== 0n) return refused(`PMSEVFR_EL1 does not have the bits 0x${unknown.toString(16)}`);
  if ((config.invDataSourceFilter ?? 0n) !== 0n && has.FDS === 0)
    return refused("PMSIDR_EL1.FDS is 0: the unit does not have filters by data source");
  const wants = PMSFCR.decode(eventRegisters(config).PMSFCR_EL1);
  for (const [filter, feature, what] of NEEDS)
    if (wants[filter] === 1 && has[feature] === 0)
      return refused(`PMSIDR_EL1.${feature} is 0: the unit does not have ${what}`);
  if (config.discard === true && pmsver < DISCARDS)
    return refused("PMSVer is below 1.2: the unit does not have the discard mode");
  return undefined;
}
