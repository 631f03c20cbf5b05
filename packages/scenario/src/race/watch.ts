import type { Shared, Watch, Watched } from "@kvmm/interleave";
import { type GfnToPfnCache, INVALID_GPA, type Memslot } from "@kvmm/kvm-memslots";
import { hex, PAGE_SIZE, type Pfn, PteFlag, pteHas, ptePresent } from "@kvmm/mm-core";
import { peekHostPage, slotMappings } from "../run/slot-mappings.js";
import type { World } from "../run/world.js";

/** Pages of a slot that are watched: races are about few. */
const MOST_PAGES = 2;

/**
 * What is shown beside the steps of a race: KVM's counters, its memslots, bindings and pfncaches, and each page of
 * guest memory with all that maps it.
 */
export function watchOf(world: World): Watch {
  // A page that nothing maps any more is what a use after free is about.
  const pages = new Set<Pfn>();
  const watched = new Set<GfnToPfnCache>();
  // So is user memory whose memslot is gone.
  const addresses = new Set<number>();
  return () => {
    for (const gpc of world.kvm.gpcList.peek()) watched.add(gpc);
    const found: Watched[] = [...counters(world), slots(world)];
    for (const [index, gpc] of [...watched].entries()) found.push(...cache(gpc, index, pages));
    for (const slot of watchedSlots(world)) found.push(...memory(world, slot, pages, addresses));
    for (const gpc of watched) if (gpc.gpa.peek() === INVALID_GPA) addresses.add(gpc.uhva.peek());
    for (const address of addresses) found.push(...entry(world, address, pages));
    for (const pfn of [...pages].sort((a, b) => a - b)) found.push(references(world, pfn));
    return found;
  };
}

/** The name of what says which memslots there are. */
export const SLOTS = "memslots";

/** Is this the name of a page of memory? */
export function isPage(name: string): boolean {
  return name.startsWith("pfn ");
}

/** Is this the name of something that maps a page? */
export function isMapping(name: string): boolean {
  return name.startsWith("pte ") || name.startsWith("stage 2 ");
}

/** Is this the name of a counter by which one path knows of another? */
export function isCounter(name: string): boolean {
  return /^kvm->\w+_(?:count|in_progress|seq)$/.test(name);
}

function counters({ kvm }: World): Watched[] {
  const { mnActiveInvalidateCount, mmuInvalidateInProgress, mmuInvalidateSeq, gpcInvalidateSeq } = kvm;
  return [mnActiveInvalidateCount, mmuInvalidateInProgress, mmuInvalidateSeq, gpcInvalidateSeq].map(
    (object) => ({ name: object.name, value: String(object.peek()), object }),
  );
}

function watchedSlots({ kvm, predefined }: World): readonly Memslot[] {
  return kvm
    .peekMemslots()
    .peek()
    .filter(({ slotId }) => !predefined.has(slotId));
}

function slots(world: World): Watched {
  const names = watchedSlots(world).map((slot) => {
    const closed = slot.hasGmem && slot.gmemFile.peek() === null ? ", without its guest_memfd" : "";
    return `${slot.slotId}${slot.isInvalid ? " (invalid)" : ""}${closed}`;
  });
  return { name: SLOTS, value: names.join("; ") || "none" };
}

function cache({ active, valid, khva }: GfnToPfnCache, index: number, pages: Set<Pfn>): Watched[] {
  const pfn = Math.floor(khva.peek() / PAGE_SIZE);
  if (pfn !== 0) pages.add(pfn);
  const name = (of: Shared) => (index === 0 ? of.name : of.name.replace("gpc", `gpc ${index + 1}`));
  return [
    { name: name(active), value: String(active.peek()), object: active },
    { name: name(valid), value: String(valid.peek()), object: valid },
    { name: name(khva), value: pfn === 0 ? "none" : pageName(pfn), object: khva },
  ];
}

function memory(world: World, slot: Memslot, pages: Set<Pfn>, addresses: Set<number>): Watched[] {
  const mapped = slotMappings(world, slot);
  const found: Watched[] = [];
  for (let page = 0; page < Math.min(slot.npages, MOST_PAGES); page++) {
    addresses.add(slot.userspaceAddr + page * PAGE_SIZE);
    const leaf = mapped.get(page);
    if (leaf !== undefined) pages.add(leaf.pfn);
    const value = leaf === undefined ? "none" : inWords(leaf.pfn, leaf.writable);
    found.push({ name: `stage 2 of gfn ${hex(slot.baseGfn + page)}`, value });
    const inode = slot.gmemFile.peek()?.inode;
    const inFile = inode?.pages.at(slot.gmemPgoff + page) ?? 0;
    if (inFile !== 0) pages.add(inFile);
  }
  return found;
}

function entry(world: World, address: number, pages: Set<Pfn>): Watched[] {
  if (!(address > 0)) return [];
  const { table, index, pte, pfn } = peekHostPage(world, address);
  const present = ptePresent(pte);
  if (present) pages.add(pfn);
  const value = present ? inWords(pfn, pteHas(pte, PteFlag.write)) : "none";
  return [{ name: `pte of ${hex(address)}`, value, object: table, key: index }];
}

function inWords(pfn: Pfn, writable: boolean): string {
  return `${pageName(pfn)}${writable ? "" : ", read-only"}`;
}

const pageName = (pfn: Pfn) => `pfn ${hex(pfn)}`;

function references({ host: { frames } }: World, pfn: Pfn): Watched {
  const folio = frames.folio(pfn);
  const count = frames.refcount.peek(folio);
  const value = count === 0 ? "free" : `${count} reference${count === 1 ? "" : "s"}`;
  return { name: pageName(pfn), value, object: frames.refcount, key: folio };
}
