import { EncodeError } from "../packet/encode-error.js";
import { PMSCR, PMSFCR, PMSIRR, PMSLATFR } from "../registers/spe-registers.js";
import type { UnitRegisters } from "../unit/unit-registers.js";
import type { SpeEventConfig } from "./spe-event.js";

/** The registers that an event asks for: arm_spe_event_to_pmscr() and its sisters. */
export type EventRegisters = Pick<
  UnitRegisters,
  "PMSCR_EL1" | "PMSFCR_EL1" | "PMSEVFR_EL1" | "PMSNEVFR_EL1" | "PMSDSFR_EL1" | "PMSLATFR_EL1" | "PMSIRR_EL1"
>;

/** `samplePeriod` where none is asked for: operations. */
export const DEFAULT_PERIOD = 4096;

const MAX_PERIOD = 0xffff_ff00;
/** The format attribute min_latency has bits 11:0 of config2. */
const MAX_LATENCY = 0xfff;

/** Stands for arm_spe_event_sanitise_period(): operations, a multiple of 256. */
export function sanitisePeriod(period: number): number {
  const clamped = Math.min(Math.max(period, 0x100), MAX_PERIOD);
  return clamped - (clamped % 0x100);
}

/**
 * What arm_spe_pmu_start() writes for an event. `eventRefusal` says whether it gets that far.
 * @throws EncodeError for a minimal latency that does not fit
 */
export function eventRegisters(config: SpeEventConfig): EventRegisters {
  const bit = (flag: boolean | undefined) => (flag ? 1 : 0);
  const types = {
    LD: bit(config.loadFilter),
    LDm: bit(config.loadFilterMask),
    ST: bit(config.storeFilter),
    STm: bit(config.storeFilterMask),
    B: bit(config.branchFilter),
    Bm: bit(config.branchFilterMask),
    SIMD: bit(config.simdFilter),
    SIMDm: bit(config.simdFilterMask),
    FP: bit(config.floatFilter),
    FPm: bit(config.floatFilterMask),
  };
  const { eventFilter = 0n, invEventFilter = 0n, invDataSourceFilter = 0n, minLatency = 0 } = config;
  if (!(minLatency <= MAX_LATENCY)) throw new EncodeError("minLatency", minLatency, `0 to ${MAX_LATENCY}`);
  return {
    PMSCR_EL1: PMSCR.encode({
      TS: bit(config.tsEnable ?? true),
      PA: bit(config.paEnable),
      PCT: bit(config.pctEnable),
      E0SPE: bit(!config.excludeUser),
      E1SPE: bit(!config.excludeKernel),
      CX: bit(config.context ?? true),
    }),
    PMSFCR_EL1: PMSFCR.encode({
      ...types,
      FT: bit(Object.values(types).includes(1)),
      FE: bit(eventFilter !== 0n),
      FnE: bit(invEventFilter !== 0n),
      FDS: bit(invDataSourceFilter !== 0n),
      FL: bit(minLatency > 0),
    }),
    PMSEVFR_EL1: eventFilter,
    PMSNEVFR_EL1: invEventFilter,
    PMSDSFR_EL1: BigInt.asUintN(64, ~invDataSourceFilter),
    PMSLATFR_EL1: PMSLATFR.encode({ MINLAT: minLatency }),
    PMSIRR_EL1: PMSIRR.encode({
      INTERVAL: sanitisePeriod(config.samplePeriod ?? DEFAULT_PERIOD) / 256,
      RND: bit(config.jitter),
    }),
  };
}
