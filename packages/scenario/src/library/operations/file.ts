import type { Step } from "../../format/step.js";
import { type MemoryKind, partOf, rangeOf } from "../memory-kinds.js";
import { inReviews, type Operation } from "./operation.js";

const KEEP = "FALLOC_FL_KEEP_SIZE";

/** An operation on the file behind the memory, where there is one. */
function onFile(
  name: string,
  title: string,
  takesMemory: boolean,
  step: (fd: string, memory: MemoryKind) => Step,
): Operation {
  return {
    name,
    title,
    group: "the file behind it",
    inReviews: false,
    takesMemory,
    steps: (memory) => (memory.file === undefined ? undefined : [step(memory.file, memory)]),
  };
}

/** fallocate, ftruncate and writes. */
export const fileOperations = [
  inReviews(
    onFile("fd-punch-part", "hole punch of a part", true, (fd, memory) => {
      const { addr, length } = partOf(memory);
      const mode = [KEEP, "FALLOC_FL_PUNCH_HOLE"];
      return { call: "fallocate", args: { fd, mode, offset: addr.replace("ram+", ""), length } };
    }),
  ),
  inReviews(
    onFile("fd-punch-all", "hole punch", true, (fd, memory) => ({
      call: "fallocate",
      args: { fd, mode: [KEEP, "FALLOC_FL_PUNCH_HOLE"], offset: 0, length: rangeOf(memory).length },
    })),
  ),
  onFile("fd-zero", "FALLOC_FL_ZERO_RANGE", true, (fd, memory) => ({
    call: "fallocate",
    args: { fd, mode: [KEEP, "FALLOC_FL_ZERO_RANGE"], offset: 0, length: rangeOf(memory).length },
  })),
  onFile("fd-alloc", "fallocate", false, (fd, memory) => ({
    call: "fallocate",
    args: { fd, mode: [KEEP], offset: 0, length: rangeOf(memory).length },
  })),
  onFile("fd-trunc0", "ftruncate to nothing", true, (fd) => ({ call: "ftruncate", args: { fd, length: 0 } })),
  onFile("fd-trunc-half", "ftruncate to the half", true, (fd, { pages }) => ({
    call: "ftruncate",
    args: { fd, length: `${pages / 2}p` },
  })),
  onFile("fd-write", "write to the file", false, (fd) => ({
    call: "pwrite",
    args: { fd, offset: "4p", count: "1p" },
  })),
];
