import type { FaultObservation } from "../../format/observation.js";
import type { World } from "../world.js";
import { guestTouch, hostTouch } from "./accesses.js";

const PAGE = 4096n;
const WORD_WRITTEN = { value: 0x5a5a5a5an, value_step: 0n };

/**
 * One round of the touchers of an activity: `host` writes every page of `ram`, `guest` every page of every slot.
 * @returns the guest's faults
 */
export function touchAll(
  world: World,
  task: World["vmm"],
  touchers: readonly ("host" | "guest")[],
): readonly FaultObservation[] {
  const ram = world.names.get("ram");
  if (touchers.includes("host") && ram !== undefined) {
    hostTouch(world, task, { addr: ram, length: BigInt(world.lengthOf("ram")), stride: PAGE }, WORD_WRITTEN);
  }
  if (!touchers.includes("guest")) return [];
  const faults: FaultObservation[] = [];
  for (const slot of world.kvm.peekMemslots().peek()) {
    if (world.predefined.has(slot.slotId)) continue;
    const range = { gpa: BigInt(slot.baseGfn) * PAGE, length: BigInt(slot.npages) * PAGE, stride: PAGE };
    const { observation } = guestTouch(world, "write", range, WORD_WRITTEN);
    const gpa = `0x${range.gpa.toString(16)}`;
    for (const fault of observation?.faults ?? []) faults.push({ ...fault, gpa });
  }
  return faults;
}
