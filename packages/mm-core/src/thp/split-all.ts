import { nameFunctions } from "@kvmm/interleave";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";
import { splitFolio } from "./split-folio.js";

/** split_huge_pages_all(): what a write of 1 to debugfs' split_huge_pages does: every huge page on the LRU is split. */
export function splitHugePagesAll(host: Host): void {
  const { frames } = host;
  for (const folio of frames.largeFolios()) {
    if (!frames.tryGet(folio)) continue;
    const suitable =
      frames.order(folio) > 0 && frames.test(folio, PageFlag.lru) && !frames.test(folio, PageFlag.hugetlb);
    if (suitable) {
      frames.lock(folio);
      splitFolio(host, folio);
      frames.unlock(folio);
    }
    frames.put(folio);
  }
}

nameFunctions({
  split_huge_pages_all: splitHugePagesAll,
});
