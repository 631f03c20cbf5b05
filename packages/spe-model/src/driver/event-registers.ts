import { PMSCR, PMSFCR, PMSIRR, PMSLATFR } from "../registers/spe-registers.js";
import type { UnitRegisters } from "../unit/unit-registers.js";
import type { SpeEventConfig } from "./spe-event.js";

/** The registers that an event asks for: arm_spe_event_to_pmscr() and its sisters. */
export type EventRegisters = Pick<
  UnitRegisters,
  "PMSCR_EL1" | "PMSFCR_EL1" | "PMSEVFR_EL1" | "PMSNEVFR_EL1" | "PMSLATFR_EL1" | "PMSIRR_EL1"
>;

const MAX_PERIOD = 0xffff_ff00;

/** Stands for arm_spe_event_sanitise_period(): operations, a multiple of 256. */
export function sanitisePeriod(period: number): number {
  const clamped = Math.min(Math.max(period, 0x100), MAX_PERIOD);
  return clamped - (clamped % 0x100);
}

/** What arm_spe_pmu_start() writes for an event. */
export function eventRegisters(config: SpeEventConfig): EventRegisters {
  const bit = (flag: boolean | undefined) => (flag ? 1 : 0);
  const filters = {
    LD: bit(config.loadFilter),
    ST: bit(config.storeFilter),
    B: bit(config.branchFilter),
  };
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
      ...filters,
      FT: bit(filters.LD + filters.ST + filters.B > 0),
      FE: bit((config.eventFilter ?? 0n) !== 0n),
      FnE: bit((config.invEventFilter ?? 0n) !== 0n),
      FL: bit((config.minLatency ?? 0) > 0),
    }),
    PMSEVFR_EL1: config.eventFilter ?? 0n,
    PMSNEVFR_EL1: config.invEventFilter ?? 0n,
    PMSLATFR_EL1: PMSLATFR.encode({ MINLAT: config.minLatency ?? 0 }),
    PMSIRR_EL1: PMSIRR.encode({
      INTERVAL: sanitisePeriod(config.samplePeriod ?? 4096) / 256,
      RND: bit(config.jitter),
    }),
  };
}
