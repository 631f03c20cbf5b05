import { describe, expect, test } from "vitest";
import type { Machine } from "../format/machine.js";
import type { Step } from "../format/step.js";
import { runScenario } from "./run-scenario.js";

const observe = (machine: Partial<Machine>, ...steps: readonly Step[]) =>
  runScenario({ machine: { kernel: "7.2", arch: "arm64", ...machine }, steps }).observed;

describe("where user space ends", () => {
  test.each(["arm64", "x86"] as const)("a slot takes memory wherever mmap puts it, on %s", (arch) => {
    const observed = observe(
      { arch },
      {
        call: "mmap",
        args: { length: "4p", prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS"] },
        as: "ram",
      },
      {
        call: "KVM_SET_USER_MEMORY_REGION2",
        args: { slot: 0, guest_phys_addr: "0x80000000", memory_size: "4p", userspace_addr: "ram" },
      },
    );
    expect(observed).toEqual([{ ret: 0 }, { ret: 0 }]);
  });

  test("a range above 2^48 is one where nothing is mapped, unless the kernel knows 48-bit addresses only", () => {
    const munmap: Step = { call: "munmap", args: { addr: "0x1000000000000", length: "4p" } };
    expect(observe({}, munmap)).toEqual([{ ret: 0 }]);
    expect(observe({ config: "lab" }, munmap)).toMatchObject([{ errno: "EINVAL" }]);
    expect(observe({ arch: "x86" }, munmap)).toEqual([{ errno: "EINVAL" }]);
  });

  test("nothing is mapped by force beyond it", () => {
    const mmap: Step = {
      call: "mmap",
      args: {
        addr: "0x7ffffffff000",
        length: "1p",
        prot: "rw",
        flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"],
      },
    };
    expect(observe({ arch: "x86" }, mmap)).toEqual([{ errno: "ENOMEM" }]);
    expect(observe({}, mmap)).toEqual([{ ret: 0 }]);
  });
});
