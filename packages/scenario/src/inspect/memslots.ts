import { type Memslot, memFlagNames } from "@kvmm/kvm-memslots";
import type { World } from "../run/world.js";

/** One of the two sets of memslots: struct kvm_memslots. */
export interface MemslotSetView {
  /** slots->node_idx */
  readonly nodeIdx: 0 | 1;
  readonly active: boolean;
  readonly generation: number;
  /** By gfn; those that are there before the first step are left out. */
  readonly slots: readonly MemslotView[];
}

/** struct kvm_memory_slot */
export interface MemslotView {
  readonly id: number;
  readonly baseGfn: number;
  readonly npages: number;
  readonly userspaceAddr: number;
  /** As user space gave them. */
  readonly flags: string;
  readonly gmemOnly: boolean;
  /** Published only to be deleted or moved. */
  readonly invalid: boolean;
  /** The page of the guest_memfd with which it begins; undefined without one. */
  readonly gmemPgoff?: number;
  /** slot->gmem.file is set. */
  readonly bound: boolean;
}

const USER_FLAGS = 0xffff;

/** Both sets, the active one first. As they are. Not while a task is explored. */
export function memslotSets(world: World): readonly MemslotSetView[] {
  const { kvm, predefined } = world;
  const active = kvm.peekMemslots();
  return [active, kvm.inactiveMemslots(0)].map((set) => ({
    nodeIdx: set.nodeIdx,
    active: set === active,
    generation: set.generation.peek(),
    slots: set
      .peek()
      .filter(({ slotId }) => !predefined.has(slotId))
      .map(viewOf),
  }));
}

function viewOf(slot: Memslot): MemslotView {
  return {
    id: slot.slotId,
    baseGfn: slot.baseGfn,
    npages: slot.npages,
    userspaceAddr: slot.userspaceAddr,
    flags: memFlagNames(slot.flags & USER_FLAGS),
    gmemOnly: slot.isGmemOnly,
    invalid: slot.isInvalid,
    ...(slot.hasGmem ? { gmemPgoff: slot.gmemPgoff } : {}),
    bound: slot.gmemFile.peek() !== null,
  };
}
