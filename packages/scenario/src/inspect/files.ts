import { type GmemFile, GmemInode } from "@kvmm/kvm-memslots";
import type { Inode, OpenFile } from "@kvmm/mm-core";
import type { World } from "../run/world.js";
import { type Bounded, MOST_ENTRIES } from "./snapshot.js";

/** A guest_memfd: the memory of a guest, as a file. */
export interface FileView {
  /** The name that a step gave its descriptor; `guest_memfd` for one that has none any more. */
  readonly name: string;
  readonly pages: number;
  readonly flags: readonly string[];
  /** Offsets that have a page, with its frame. */
  readonly allocated: Bounded<{ readonly page: number; readonly pfn: number }>;
  /** The memslots bound to it, in its own pages. */
  readonly bindings: readonly { readonly slot: number; readonly first: number; readonly end: number }[];
  /** How many mappings of user space there are (i_mmap). */
  readonly mappings: number;
}

const PAGE_SIZE = 4096;

/** Every guest_memfd that a descriptor, a memslot or a mapping refers to. As they are; not an access. */
export function fileViews(world: World): readonly FileView[] {
  const found = new Map<GmemInode, string>();
  const note = (file: OpenFile | null, name: string) => {
    const inode = file?.inode;
    if (inode instanceof GmemInode && !found.has(inode)) found.set(inode, name);
  };
  const descriptors = world.vmm.process.files.peek();
  for (const [name, value] of world.names) note(descriptors[Number(value)] ?? null, name);
  for (const file of descriptors) note(file, "guest_memfd");
  for (const slot of world.kvm.peekMemslots().peek()) note(slot.gmemFile.peek(), "guest_memfd");
  for (const vma of world.vmm.mm.vmas.peek()) note(vma.peek().file, "guest_memfd");
  return [...found].map(([inode, name]) => viewOf(world, inode, name));
}

function viewOf(world: World, inode: GmemInode, name: string): FileView {
  const pages = inode.size.peek() / PAGE_SIZE;
  const own = inode.gmemFiles.peek().find(({ kvm }) => kvm === world.kvm);
  return {
    name,
    pages,
    flags: [
      ...(inode.supportsMmap ? ["GUEST_MEMFD_FLAG_MMAP"] : []),
      ...(inode.isInitShared ? ["GUEST_MEMFD_FLAG_INIT_SHARED"] : []),
    ],
    allocated: allocatedPages(inode, pages),
    bindings: own === undefined ? [] : bindingsOf(own),
    mappings: inode.mappings.peek().length,
  };
}

function allocatedPages(inode: Inode, pages: number): FileView["allocated"] {
  const list: { page: number; pfn: number }[] = [];
  let total = 0;
  for (let page = 0; page < Math.min(pages, MOST_LOOKED_AT); page++) {
    const pfn = inode.pages.at(page);
    if (pfn === 0) continue;
    total++;
    if (list.length < MOST_ENTRIES) list.push({ page, pfn });
  }
  return { list, total };
}

/** Offsets that are looked at: a file can be far larger than what is in it. */
const MOST_LOOKED_AT = 2 ** 16;

function bindingsOf(file: GmemFile): FileView["bindings"] {
  return file.bindings.peek().map((slot) => ({
    slot: slot.slotId,
    first: slot.gmemPgoff,
    end: slot.gmemPgoff + slot.npages,
  }));
}
