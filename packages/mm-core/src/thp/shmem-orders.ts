import { nameFunctions } from "@kvmm/interleave";
import { type Pgoff, PMD_PAGES, pageAlign, pages } from "../addresses.js";
import type { Inode } from "../file.js";
import { VmFlag } from "../vma.js";

/** Which large folios a file of shared memory may get: none, those of 2 MiB alone, smaller ones alone, or all. */
export type ShmemOrders = "none" | "huge" | "smaller" | "all";

/** shmem_huge_global_enabled(): what the switch for all, and huge= of the mount, say. */
export function shmemHugeGlobalEnabled(
  inode: Inode,
  index: Pgoff,
  writeEnd: number,
  flags: number,
): ShmemOrders {
  const { shmem, shmemMount } = inode.host.thp;
  const forAll = shmem.get();
  if (forAll === "deny") return "none";
  if (forAll === "force") return "huge";
  const mount = shmemMount.get();
  if (mount === "always") return "all";
  if (mount === "within_size") {
    // shmem_get_orders_within_size()
    const end = pages(pageAlign(Math.max(writeEnd, inode.size.get())));
    const fits = (size: number) => end >= (Math.floor(index / size) + 1) * size;
    if (fits(PMD_PAGES)) return "all";
    if (fits(2)) return "smaller";
  }
  return mount !== "never" && (flags & VmFlag.hugepage) !== 0 ? "all" : "none";
}

nameFunctions({
  shmem_huge_global_enabled: shmemHugeGlobalEnabled,
});
