import type { World } from "../run/world.js";
import { type FileView, fileViews } from "./files.js";
import { type HostPageView, hostPages } from "./host-pages.js";
import { type MemslotSetView, memslotSets } from "./memslots.js";
import { type SpeView, speView } from "./spe.js";
import { type Stage2View, stage2View } from "./stage2.js";
import { type VmaView, vmaViews } from "./vmas.js";

/** What the VMM's memory and the VM look like at one moment, as plain data. */
export interface Snapshot {
  /** The VMM's mappings, in ascending order. */
  readonly vmas: readonly VmaView[];
  /** What its page table holds: one entry for each page, or for each huge page. */
  readonly hostPages: Bounded<HostPageView>;
  /** Both sets of memslots; one of them is active. */
  readonly memslots: readonly MemslotSetView[];
  /** The guest_memfds that a memslot or a descriptor refers to. */
  readonly guestMemfds: readonly FileView[];
  readonly stage2: Stage2View | null;
  /** The profile of a guest with Arm SPE, while it goes on. */
  readonly spe: SpeView | null;
  /** kvm->mmu_invalidate_seq and its like. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A list that was cut off at a bound. */
export interface Bounded<T> {
  readonly list: readonly T[];
  /** How many there are; more than are in the list if it was cut off. */
  readonly total: number;
}

/** Entries of a list that a snapshot holds at most. */
export const MOST_ENTRIES = 4096;

/** The present state. As it is; not an access. */
export function takeSnapshot(world: World): Snapshot {
  const { kvm } = world;
  return {
    vmas: vmaViews(world),
    hostPages: hostPages(world),
    memslots: memslotSets(world),
    guestMemfds: fileViews(world),
    stage2: stage2View(world),
    spe: speView(world),
    counters: {
      "kvm->mmu_invalidate_seq": kvm.mmuInvalidateSeq.peek(),
      "kvm->mmu_invalidate_in_progress": kvm.mmuInvalidateInProgress.peek(),
      "kvm->mn_active_invalidate_count": kvm.mnActiveInvalidateCount.peek(),
    },
  };
}
