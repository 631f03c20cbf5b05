import { inReviews, onMapping } from "./operation.js";

const on = onMapping("protection");

/** mprotect */
export const protectionOperations = [
  inReviews(
    on("mprotect-r", "mprotect to read-only", (ram) => [{ call: "mprotect", args: { ...ram, prot: "r" } }]),
  ),
  inReviews(
    on("mprotect-none", "mprotect to PROT_NONE", (ram) => [
      { call: "mprotect", args: { ...ram, prot: "none" } },
    ]),
  ),
  on("mprotect-part-r", "mprotect of a part to read-only", (_, part) => [
    { call: "mprotect", args: { ...part, prot: "r" } },
  ]),
  on("mprotect-rwx", "mprotect to executable", (ram) => [
    { call: "mprotect", args: { ...ram, prot: "rwx" } },
  ]),
  on("mprotect-rw-noop", "mprotect to what it is", (ram) => [
    { call: "mprotect", args: { ...ram, prot: "rw" } },
  ]),
];
