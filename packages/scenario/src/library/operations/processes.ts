import type { Step } from "../../format/step.js";
import { rangeOf, strideOf } from "../memory-kinds.js";
import { advise, type Operation, onMapping } from "./operation.js";

const on = onMapping("processes");

const fork: Step = { call: "fork", as: "child" };
const childExits: Step = { call: "exit", task: "child" };

const childWrites: Operation = {
  ...on("fork-child-write", "fork, and the child writes", () => []),
  steps: (memory) => [
    fork,
    {
      call: "host_write",
      args: { ...rangeOf(memory), ...strideOf(memory), value: "0x7" },
      task: "child",
    },
    childExits,
  ],
};

/** fork, vfork and what children do. */
export const processOperations = [
  on("fork-exit", "fork, and the child exits", () => [fork, childExits]),
  on("fork-parent-write", "fork, and the VMM writes", (ram) => [
    fork,
    { call: "host_write", args: ram },
    childExits,
  ]),
  childWrites,
  on("fork-child-munmap", "fork, and the child unmaps", (ram) => [
    fork,
    { call: "munmap", args: ram, task: "child" },
    childExits,
  ]),
  on("dontfork-fork", "MADV_DONTFORK and fork", (ram) => [advise(ram, "MADV_DONTFORK"), fork, childExits]),
  on("proc-exec-child", "vfork, and the child exits", () => [{ call: "vfork", as: "child" }, childExits]),
];
