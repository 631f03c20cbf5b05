import { type Arm64Options, machine, recordedMachine } from "@kvmm/arm64-stage2";
import type { CpuFeatures } from "../format/machine.js";

/** The recorded machine with the features that a scenario names. */
export function cpuOf(
  features: CpuFeatures = {},
): Required<Pick<Arm64Options, "machine" | "hardwareAccessFlag">> {
  const { fwb, xnx, tlbRange, lpa2, dic } = recordedMachine;
  return {
    machine: machine({
      ...recordedMachine,
      fwb: features.fwb ?? fwb,
      xnx: features.xnx ?? xnx,
      tlbRange: features.tlb_range ?? tlbRange,
      lpa2: features.lpa2 ?? lpa2,
      dic: features.dic ?? dic,
    }),
    hardwareAccessFlag: features.hafdbs ?? true,
  };
}
