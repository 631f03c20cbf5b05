import type { Step } from "../../format/step.js";
import { inReviews, onMapping } from "./operation.js";

const on = onMapping("mappings");

const OVER = { prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"] };
const ELSEWHERE = "0x210000000000";

function mremap(old: string, oldSize: string | number, newSize: string, more: Step["args"]): Step {
  return {
    call: "mremap",
    args: { old_address: old, old_size: oldSize, new_size: newSize, ...more },
    as: "moved",
  };
}

/** munmap, mmap and mremap. */
export const mappingOperations = [
  inReviews(on("munmap-all", "munmap", (ram) => [{ call: "munmap", args: ram }])),
  inReviews(on("munmap-part", "munmap of a part", (_, part) => [{ call: "munmap", args: part }])),
  inReviews(
    on("mmap-fixed-anon", "mmap of other memory over it", (ram) => [
      { call: "mmap", args: { ...ram, ...OVER } },
    ]),
  ),
  on("mremap-move", "mremap that moves", ({ addr, length }) => [
    mremap(addr, length, length, { flags: ["MREMAP_MAYMOVE", "MREMAP_FIXED"], new_address: ELSEWHERE }),
  ]),
  on("mremap-move-part", "mremap that moves a part", (_, { addr, length }) => [
    mremap(addr, length, length, { flags: ["MREMAP_MAYMOVE", "MREMAP_FIXED"], new_address: ELSEWHERE }),
  ]),
  on("mremap-dontunmap", "mremap with MREMAP_DONTUNMAP", ({ addr, length }) => [
    mremap(addr, length, length, { flags: ["MREMAP_MAYMOVE", "MREMAP_DONTUNMAP"], new_address: 0 }),
  ]),
  on("mremap-dup", "mremap that duplicates", ({ addr, length }) => [
    mremap(addr, 0, length, { flags: ["MREMAP_MAYMOVE"] }),
  ]),
];
