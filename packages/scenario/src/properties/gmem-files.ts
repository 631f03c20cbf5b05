import { GmemInode, type Kvm } from "@kvmm/kvm-memslots";
import type { Task } from "@kvmm/mm-core";

/** Every guest_memfd that a VMM has open, or that a memslot is bound to. As it is; not an access. */
export function gmemFiles(kvm: Kvm, vmm: Task): ReadonlySet<GmemInode> {
  const found = new Set<GmemInode>();
  for (const file of vmm.process.files.peek()) if (file?.inode instanceof GmemInode) found.add(file.inode);
  for (const slot of kvm.peekMemslots().peek()) {
    const inode = slot.gmemFile.peek()?.inode;
    if (inode instanceof GmemInode) found.add(inode);
  }
  return found;
}

/** The pages of a file that are cached, with their frames. */
export function* cachedPages(inode: GmemInode): Generator<readonly [index: number, pfn: number]> {
  const { pages } = inode;
  const end = Number.MAX_SAFE_INTEGER;
  for (let index = pages.seek(0, end); index >= 0; index = pages.seek(index + 1, end))
    yield [index, pages.at(index)];
}
