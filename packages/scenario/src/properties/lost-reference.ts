import { PageFlag } from "@kvmm/mm-core";
import { cachedPages, gmemFiles } from "./gmem-files.js";
import type { Property } from "./property.js";

/**
 * Who may hold a page of a guest_memfd while nothing is under way: its file, its mappings, the batch in which it waits
 * for the LRU, and memory failure, which keeps what it found.
 */
export const noLostReference: Property = {
  name: "no lost page reference",
  settled: true,
  broken(kvm, vmm) {
    const { frames } = kvm.host;
    for (const inode of gmemFiles(kvm, vmm)) {
      for (const [index, pfn] of cachedPages(inode)) {
        const flags = frames.flags.peek(pfn);
        const batch = (flags & PageFlag.lru) === 0 ? 1 : 0;
        const poison = (flags & PageFlag.hwpoison) === 0 ? 0 : 1;
        const held = 1 + frames.mapcount.peek(pfn) + batch + poison;
        const count = frames.refcount.peek(pfn);
        if (count > held) {
          return `frame ${pfn}, page ${index} of a guest_memfd, has ${count} references, of which at most ${held} are accounted for`;
        }
      }
    }
    return undefined;
  },
};
