import { describe, expect, test } from "vitest";
import type { Step } from "../format/step.js";
import { runScenario } from "../run/run-scenario.js";
import type { Patch } from "./define-patch.js";
import { undoA07 } from "./undo-a07-range-end-after-failed-start.js";
import { undoA09 } from "./undo-a09-resched-where-not-blockable.js";

/** A VMM with anonymous memory that its guest uses, and a child that can act while the VMM is dying. */
const machine = (length: string): Step[] => [
  {
    call: "mmap",
    args: {
      addr: "0x200000000000",
      length,
      prot: "rw",
      flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"],
    },
    as: "ram",
  },
  { call: "madvise", args: { addr: "ram", length, advice: "MADV_NOHUGEPAGE" } },
  {
    call: "KVM_SET_USER_MEMORY_REGION2",
    args: { slot: 0, guest_phys_addr: "0x80000000", memory_size: length, userspace_addr: "ram" },
  },
  { call: "vcpu_write", args: { gpa: "0x80000000", length: "1p" } },
  { call: "fork", as: "child" },
  // Of what fork made read-only.
  { call: "vcpu_write", args: { gpa: "0x80000000", length: "1p" } },
];
const driver: Step = { call: "mmu_notifier_register" };
const reap: readonly Step[] = [{ call: "kill" }, { call: "process_mrelease", task: "child" }];

function run(steps: readonly Step[], patches: readonly Patch[] = []) {
  const result = runScenario({ machine: { kernel: "7.2", vm_type: 48 }, steps }, { patches });
  expect(result.notModelled).toEqual([]);
  return { ...result, last: result.observed.at(-1)! };
}

test("process_mrelease raises zap_vma_for_reaping for each private mapping, and stage 2 loses the pages", () => {
  const { last, steps, verdict } = run([...machine("16p"), ...reap]);
  expect(last).toMatchObject({
    ret: 0,
    notifiers: [{ event: "unmap", addr: "0x200000000000", pages: [[0, 16]], site: "zap_vma_for_reaping" }],
  });
  expect([steps.at(-3)?.mapped, steps.at(-1)?.mapped, verdict]).toEqual([1, 0, "holds"]);
});

test("process_mrelease refuses a process that is not dying (EINVAL), and one that has exited (ESRCH)", () => {
  expect(run([...machine("1p"), { call: "process_mrelease", task: "child" }]).last).toMatchObject({
    errno: "EINVAL",
  });
  const gone: readonly Step[] = [
    { call: "exit", task: "child" },
    { call: "process_mrelease", args: { pidfd: "child" } },
  ];
  expect(run([...machine("1p"), ...gone]).last).toMatchObject({ errno: "ESRCH" });
});

test("memory that is shared with a process that lives on is not reaped", () => {
  const shared: readonly Step[] = [{ call: "vfork", as: "friend" }, ...reap];
  expect(run([...machine("1p"), ...shared]).last).toMatchObject({ errno: "EINVAL" });
  const both: readonly Step[] = [
    { call: "vfork", as: "friend" },
    { call: "kill", args: { pid: "friend" } },
    ...reap,
  ];
  expect(run([...machine("1p"), ...both]).last).toMatchObject({ ret: 0 });
});

test("a process that was killed makes no calls any more", () => {
  const { notModelled } = runScenario({
    machine: {},
    steps: [...machine("1p"), { call: "kill" }, { call: "munmap", args: { addr: "ram", length: "1p" } }],
  });
  expect(notModelled).toMatchObject([{ call: "munmap" }]);
});

describe("A07, undo-c2655835fd8c: a listener beside KVM refuses a range that may not block", () => {
  const steps = [...machine("1p"), driver, ...reap];

  test("and KVM's invalidation ends with the fix", () => {
    expect(run(steps)).toMatchObject({ verdict: "holds", last: { errno: "EAGAIN" } });
  });

  test("and is caught without it by: every invalidation that began has ended", () => {
    const { violations } = run(steps, [undoA07]);
    expect(violations).toMatchObject([
      {
        property: "every invalidation that began has ended",
        text: "no notifier is at work, and mmu_invalidate_in_progress is 2, mn_active_invalidate_count 2",
        step: steps.length - 1,
      },
    ]);
  });
});

describe("A09, undo-b5331379bc62: more than a block is unmapped from a notifier that may not block", () => {
  const steps = [...machine("3G"), ...reap];

  test("and nobody reschedules with the fix", () => {
    expect(run(steps).verdict).toBe("holds");
  });

  test("and is caught without it by: lock rules", () => {
    expect(run(steps, [undoA09]).violations).toMatchObject([
      {
        property: "lock rules",
        text: /reschedules in stage2_apply_range\(\) while it holds non_block_start\(\)/,
      },
    ]);
  });
});
