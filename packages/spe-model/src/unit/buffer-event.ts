import { BufferEventClass, BufferStatusCode, FaultStatusCode, PMBSR } from "../registers/spe-registers.js";
import type { TranslationFault } from "./profiling-memory.js";

/** A profiling buffer management event: profiling stops and the interrupt is raised until PMBSR_EL1.S is cleared. */
export type BufferEventReason = "filled" | TranslationFault["reason"];

const CLASS: Readonly<Record<BufferEventReason, number>> = {
  filled: BufferEventClass.bufferManagement,
  stage1: BufferEventClass.stage1Fault,
  stage2: BufferEventClass.stage2Fault,
  "granule-protection": BufferEventClass.granuleProtection,
  // A synchronous external abort comes as a stage-1 data abort with its own status code.
  "external-abort": BufferEventClass.stage1Fault,
};

/**
 * PMBSR_EL1 after an event (Arm ARM, "Profiling Buffer management events"). COLL is left as it was.
 * @param dataLost - records were lost, and PMBPTR_EL1 may not stand behind the last whole one.
 */
export function bufferEventSyndrome(
  reason: BufferEventReason,
  fsc: number,
  dataLost: boolean,
  collided: boolean,
): bigint {
  const external = reason === "external-abort";
  return PMBSR.encode({
    EC: CLASS[reason],
    DL: dataLost ? 1 : 0,
    EA: external ? 1 : 0,
    S: 1,
    COLL: collided ? 1 : 0,
    MSS:
      reason === "filled"
        ? BufferStatusCode.filled
        : external && fsc === 0
          ? FaultStatusCode.externalAbort
          : fsc,
  });
}
