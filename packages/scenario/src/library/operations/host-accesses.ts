import { onMapping } from "./operation.js";

const on = onMapping("accesses by the host");

/** What the VMM does with its own mapping, or has the kernel do. */
export const hostAccessOperations = [
  on("host-read", "the VMM reads", (ram) => [{ call: "host_read", args: ram }]),
  on("host-write", "the VMM writes", (ram) => [{ call: "host_write", args: ram }]),
  on("mlock", "mlock", (ram) => [{ call: "mlock", args: ram }]),
  on("msync", "msync", (ram) => [{ call: "msync", args: { ...ram, flags: ["MS_SYNC", "MS_INVALIDATE"] } }]),
  on("process-vm-writev", "process_vm_writev", ({ addr }) => [
    { call: "process_vm_writev", args: { addr, length: "16p" } },
  ]),
  on("procmem-write", "write to /proc/self/mem", (_, { addr }) => [
    { call: "pwrite", args: { proc_self_mem: true, offset: addr, count: "1p" } },
  ]),
];
