import { Arm64Mmu, type DumpRange, dump, LAST_LEVEL } from "@kvmm/arm64-stage2";
import { hex } from "@kvmm/mm-core";
import type { Prediction } from "../format/observation.js";
import type { World } from "./world.js";

/**
 * The VM's stage-2 tables as its debugfs files show them (kvm_ptdump_guest_show), the last range included, which the
 * kernel does not print. As they are; not an access.
 */
export function dumpStage2(
  world: World,
): Pick<Prediction, "stage2" | "stage2_maybe_young" | "stage2_levels" | "ipa_range"> {
  const { mmu } = world.kvm;
  if (!(mmu instanceof Arm64Mmu)) return {};
  const { pgt } = mmu;
  const ranges = dump(pgt, { whole: true });
  const maybe = maybeYoung(ranges, world.chance.maybeOld);
  return {
    stage2: ranges.map(([first, end, level, attributes]) => [hex(first), hex(end), level, attributes]),
    ...(maybe.length === 0 ? {} : { stage2_maybe_young: maybe }),
    stage2_levels: LAST_LEVEL + 1 - pgt.startLevel,
    ipa_range: pgt.iaBits,
  };
}

/** Of what may have been aged, what nobody has used or unmapped since. */
function maybeYoung(
  ranges: readonly DumpRange[],
  aged: readonly (readonly [first: number, end: number])[],
): (readonly [first: string, end: string])[] {
  if (aged.length === 0) return [];
  const old = ranges.filter(([, , , attributes]) => attributes !== "" && !attributes.includes("AF"));
  return aged.flatMap(([from, to]) =>
    old
      .filter(([first, end]) => first < to && from < end)
      .map(([first, end]) => [hex(Math.max(first, from)), hex(Math.min(end, to))] as const),
  );
}
