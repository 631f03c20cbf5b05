import type { HostPageView, Snapshot, Stage2EntryView } from "@kvmm/scenario";

/** What there is of one page of a memslot, on each of its ways. */
export interface PageCell {
  /** Counted from the slot's first page. */
  readonly page: number;
  /** The entry of the VMM's page table at the slot's user address. */
  readonly host: HostPageView | null;
  /** The frame that the guest_memfd has there; 0 for none. */
  readonly file: number;
  /** The leaf of stage 2. */
  readonly stage2: Stage2EntryView | null;
}

/** A memslot of the active set, page by page. */
export interface SlotView {
  readonly id: number;
  readonly gpa: number;
  readonly npages: number;
  readonly userspaceAddr: number;
  readonly flags: string;
  readonly hasFile: boolean;
  readonly gmemOnly: boolean;
  /** The first pages; a large slot is cut off. */
  readonly cells: readonly PageCell[];
}

const PAGE = 4096;
/** Pages of a slot that are drawn. */
export const MOST_CELLS = 64;

export function slotViews(snapshot: Snapshot): readonly SlotView[] {
  const active = snapshot.memslots.find((set) => set.active);
  return (active?.slots ?? []).map((slot) => {
    const cells: PageCell[] = [];
    for (let page = 0; page < Math.min(slot.npages, MOST_CELLS); page++) {
      cells.push({
        page,
        host: hostPageAt(snapshot, slot.userspaceAddr + page * PAGE),
        file: slot.gmemPgoff === undefined ? 0 : fileFrame(snapshot, slot.id, page),
        stage2: leafAt(snapshot, (slot.baseGfn + page) * PAGE),
      });
    }
    return {
      id: slot.id,
      gpa: slot.baseGfn * PAGE,
      npages: slot.npages,
      userspaceAddr: slot.userspaceAddr,
      flags: slot.flags,
      hasFile: slot.gmemPgoff !== undefined,
      gmemOnly: slot.gmemOnly,
      cells,
    };
  });
}

/** The entry of the VMM's page table that maps an address. */
export function hostPageAt({ hostPages }: Snapshot, address: number): HostPageView | null {
  return hostPages.list.find((page) => address >= page.address && address < page.address + page.size) ?? null;
}

function fileFrame({ guestMemfds }: Snapshot, slot: number, page: number): number {
  for (const file of guestMemfds) {
    const binding = file.bindings.find((bound) => bound.slot === slot);
    if (binding === undefined) continue;
    return file.allocated.list.find((at) => at.page === binding.first + page)?.pfn ?? 0;
  }
  return 0;
}

/** The leaf of stage 2 that maps a guest physical address. */
export function leafAt({ stage2 }: Snapshot, ipa: number): Stage2EntryView | null {
  const leaf = stage2?.entries.list.find(
    (entry) =>
      (entry.kind === "page" || entry.kind === "block") && ipa >= entry.ipa && ipa < entry.ipa + entry.size,
  );
  return leaf ?? null;
}
