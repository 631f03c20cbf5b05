import { type Inode, leafPage, PAGE_SIZE, PageFlag, type Pfn, ptePresent } from "@kvmm/mm-core";
import type { Fate, FrameObservation } from "../format/observation.js";
import { GroupedPages } from "./page-runs.js";
import type { World } from "./world.js";

/** Which frame stood behind each page of the memory under test, -1 where none did. */
export type FrameSnapshot = readonly Pfn[];

/** Pages that are looked at: recordings measured no more. */
const MOST_PAGES = 4096;

/**
 * The frames behind the memory of a slot: of a guest_memfd the file's own pages, otherwise what the page table holds
 * at `ram`. As they are; not an access.
 */
export function snapshotFrames(world: World): FrameSnapshot {
  const inode = gmemInode(world);
  const count = Math.min(
    MOST_PAGES,
    inode === undefined ? world.lengthOf("ram") / PAGE_SIZE : inode.size.peek() / PAGE_SIZE,
  );
  const start = Number(world.names.get("ram") ?? 0n);
  return Array.from({ length: count }, (_, page) => {
    if (inode !== undefined) return inode.pages.at(page) || -1;
    return mappedFrame(world, start + page * PAGE_SIZE);
  });
}

function gmemInode(world: World): Inode | undefined {
  for (const slot of world.kvm.peekMemslots().peek()) {
    const file = slot.gmemFile.peek();
    if (slot.hasGmem && file !== null) return file.inode!;
  }
  return undefined;
}

function mappedFrame(world: World, address: number): Pfn {
  let table = world.vmm.mm.pgd;
  for (;;) {
    const index = table.indexOf(address);
    const { pte, child } = table.peek(index);
    if (child === null) return ptePresent(pte) ? leafPage({ table, index, pte }, address) : -1;
    table = child;
  }
}

/** What became of each page that was there. */
export function frameFates(world: World, before: FrameSnapshot): readonly FrameObservation[] | undefined {
  const now = snapshotFrames(world);
  const groups = new GroupedPages<{ readonly is: Fate }>();
  const { frames } = world.host;
  for (const [page, pfn] of before.entries()) {
    if (pfn < 0) continue;
    const current = now[page] ?? -1;
    const poisoned = (frames.flags.peek(pfn) & PageFlag.hwpoison) !== 0;
    groups.add(
      { is: poisoned ? "poisoned" : current < 0 ? "gone" : current === pfn ? "same" : "changed" },
      page,
    );
  }
  return groups.list();
}
