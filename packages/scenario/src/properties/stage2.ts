import { Arm64Mmu, stage2Checks } from "@kvmm/arm64-stage2";
import type { Property } from "./property.js";

/** What holds of the stage-2 tables of arm64 between calls. */
export const stage2Properties: readonly Property[] = stage2Checks.map(({ name, broken }) => ({
  name,
  settled: true,
  broken: ({ mmu }) => (mmu instanceof Arm64Mmu ? broken(mmu) : undefined),
}));
