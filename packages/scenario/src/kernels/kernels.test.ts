import { expect, test } from "vitest";
import { readScenario } from "../read/scenario.js";
import { runScenario } from "../run/run-scenario.js";
import { kernelInWords, kernelOf, newestKernel } from "./kernels.js";

const steps = [
  { call: "KVM_CREATE_GUEST_MEMFD", args: { size: "4p", flags: ["GUEST_MEMFD_FLAG_MMAP"] }, as: "gmem" },
  {
    call: "KVM_SET_USER_MEMORY_REGION2",
    args: {
      slot: 0,
      flags: ["KVM_MEM_GUEST_MEMFD"],
      memory_size: "4p",
      guest_phys_addr: "0x80000000",
      guest_memfd: "gmem",
    },
  },
  {
    call: "KVM_SET_USER_MEMORY_REGION2",
    args: {
      slot: 1,
      flags: ["KVM_MEM_GUEST_MEMFD"],
      memory_size: "4p",
      guest_phys_addr: "0x10000000000",
      guest_memfd: "gmem",
    },
  },
];
const run = (kernel: string) => runScenario(readScenario(JSON.stringify({ machine: { kernel }, steps })));

test("7.3 binds a guest_memfd after the architecture has had its say, 7.2 before", () => {
  expect(run("7.2").observed[2]).toEqual({ errno: "EEXIST" });
  expect(run("7.3").observed[2]).toEqual({ errno: "EFAULT" });
});

test("every verdict on 7.3 says what it is made of; none on 7.2 does", () => {
  expect(run("7.3").sentence).toContain("in the model of Linux 7.3 (7.3's KVM over 7.2's mm) on arm64");
  expect(run("7.2").sentence).toContain("in the model of Linux 7.2 on arm64");
  expect(kernelInWords("7.3")).toBe("Linux 7.3 (7.3's KVM over 7.2's mm)");
});

test("a scenario that names no kernel runs on the newest that is there as a whole", () => {
  expect(newestKernel().name).toBe("7.2");
  expect(kernelOf("7.3.4")?.name).toBe("7.3");
  expect(kernelOf("7.4")).toBeUndefined();
});
