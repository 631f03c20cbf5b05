import { Arm64Mmu, dump, LAST_LEVEL } from "@kvmm/arm64-stage2";
import { hex } from "@kvmm/mm-core";
import type { Observation } from "../format/observation.js";
import type { World } from "./world.js";

/**
 * The VM's stage-2 tables as its debugfs files show them (kvm_ptdump_guest_show), the last range included, which the
 * kernel does not print. As they are; not an access.
 */
export function dumpStage2(world: World): Pick<Observation, "stage2" | "stage2_levels" | "ipa_range"> {
  const { mmu } = world.kvm;
  if (!(mmu instanceof Arm64Mmu)) return {};
  const { pgt } = mmu;
  return {
    stage2: dump(pgt, { whole: true }).map(([first, end, level, attributes]) => [
      hex(first),
      hex(end),
      level,
      attributes,
    ]),
    stage2_levels: LAST_LEVEL + 1 - pgt.startLevel,
    ipa_range: pgt.iaBits,
  };
}
