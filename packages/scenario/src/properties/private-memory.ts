import { cachedPages, gmemFiles } from "./gmem-files.js";
import type { Property } from "./property.js";

/** Memory of a guest_memfd that was created without GUEST_MEMFD_FLAG_INIT_SHARED is the guest's alone. */
export const noPrivatePageInUserSpace: Property = {
  name: "no guest-private page in user space",
  broken(kvm, vmm) {
    for (const inode of gmemFiles(kvm, vmm)) {
      if (inode.isInitShared) continue;
      for (const [index, pfn] of cachedPages(inode)) {
        if (kvm.host.frames.mapcount.peek(pfn) > 0) {
          return `page ${index} of a guest_memfd without GUEST_MEMFD_FLAG_INIT_SHARED (frame ${pfn}) is mapped in user space`;
        }
      }
    }
    return undefined;
  },
};
