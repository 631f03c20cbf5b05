import { expect, test } from "vitest";
import type { Step } from "../../format/step.js";
import { runScenario } from "../run-scenario.js";

const MACHINE = { kernel: "7.2", arch: "arm64" } as const;

test("process_madvise pages a child's memory out: the ranges by turns, and how many bytes they were", () => {
  const steps: Step[] = [
    {
      call: "mmap",
      args: { length: "4p", prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS"] },
      as: "ram",
    },
    { call: "fork", as: "child" },
    { call: "host_write", task: "child", args: { addr: "ram", length: "4p", value: 7 } },
    {
      call: "process_madvise",
      args: { pidfd: "child", vec: ["ram", "1p", "ram+2p", "1p"], advice: "MADV_PAGEOUT" },
    },
    { call: "process_madvise", args: { pidfd: "child", vec: ["ram", "1p"], advice: "MADV_DONTNEED" } },
    { call: "process_madvise", args: { vec: ["ram", "1p"], advice: "MADV_DONTNEED" } },
    { call: "host_read", task: "child", args: { addr: "ram", length: "4p" } },
  ];
  const { observed, notModelled, violations } = runScenario({ machine: MACHINE, steps });
  expect([notModelled, violations]).toEqual([[], []]);
  expect(observed.slice(3, 6)).toMatchObject([{ ret: 8192 }, { errno: "EINVAL" }, { ret: 4096 }]);
});
