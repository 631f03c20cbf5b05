import { expect, test } from "vitest";
import type { Step } from "../../format/step.js";
import { runScenario } from "../run-scenario.js";

const GPA = 0x8000_0000;
const guest: readonly Step[] = [
  {
    call: "mmap",
    args: { length: "4p", prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS"] },
    as: "ram",
  },
  {
    call: "KVM_SET_USER_MEMORY_REGION2",
    args: { slot: 0, guest_phys_addr: GPA, memory_size: "4p", userspace_addr: "ram" },
  },
];
const enable = (more: Step["args"] = {}): Step => ({
  call: "spe_enable",
  args: { gpa: GPA, length: "4p", ...more },
});
const run: Step = { call: "spe_run", args: { operations: 60_000 } };
const dontneed: Step = { call: "madvise", args: { addr: "ram", length: "4p", advice: "MADV_DONTNEED" } };
const scan: Step = { call: "numa_balancing", args: { mode: 1, toucher: ["host"], ms: 1 } };

const ran = (...steps: readonly Step[]) =>
  runScenario({ machine: { nodes: 2 }, steps: [...guest, ...steps] });

test("a guest profiles itself: records written, read when it ends, none lost", () => {
  const { observed, verdict } = ran(enable(), run, { call: "spe_disable" });
  expect(verdict).toBe("holds");
  expect(observed[3]).toMatchObject({ ret: 0, spe: { operations: 60_000, written: 58, lost: 0, faults: 0 } });
  expect(observed[4]!.spe!.read! + observed[3]!.spe!.read!).toBe(58);
});

test("a scan of NUMA balancing breaks the property, at its own step, and the next run has the fault", () => {
  const { observed, violations } = ran(enable({ recovery: "touch" }), run, scan, run);
  expect(violations).toMatchObject([
    {
      property: "the profiling buffer stays mapped",
      text: "page 0 of the buffer is not mapped at stage 2 (level 1), and user space did not ask for that",
      step: 4,
    },
  ]);
  expect(observed[5]!.spe).toMatchObject({
    lost: 1,
    faults: 1,
    fault_kinds: { "translation level 1": 1 },
    vcpu_faults: 4,
  });
});

test("a buffer that is pinned when it is enabled survives the scan, and is unpinned when the profile ends", () => {
  const { observed, verdict } = ran(
    enable({ policy: "pin-on-enable" }),
    run,
    scan,
    run,
    { call: "spe_disable" },
    scan,
  );
  expect(verdict).toBe("holds");
  expect(observed[5]!.spe).toMatchObject({ lost: 0, faults: 0 });
  expect(observed[7]!.notifiers!.length).toBeGreaterThan(0);
});

test("memory that user space itself takes away is no broken promise", () => {
  const { violations, observed } = ran(enable(), run, dontneed, run);
  expect(violations).toEqual([]);
  expect(observed[5]!.spe!.faults).toBeGreaterThan(0);
});

test("spe_write is one record's write, and says how it faults", () => {
  const { observed } = ran(enable(), { call: "spe_write", args: { page: 3 } }, dontneed, {
    call: "spe_write",
  });
  expect(observed[3]!.spe).toEqual({ written: 1 });
  expect(observed[5]!.spe).toMatchObject({ lost: 1, faults: 1 });
});

test.each([
  [{ length: "3p" }, "EINVAL", "arm_spe_pmu_setup_aux"],
  [{ length: "1p" }, "EINVAL", "arm_spe_pmu_setup_aux"],
] as const)("a buffer of %o is refused", (more, errno, fn) => {
  const { observed, steps } = ran(enable(more));
  expect(observed[2]).toMatchObject({ errno });
  expect(steps[2]!.refusal).toMatchObject({ fn });
});

test("calls out of order say what they lack", () => {
  expect(ran(run).notModelled[0]!.why).toContain("spe_run without spe_enable before it");
  expect(ran(enable(), enable()).observed[3]).toMatchObject({ errno: "EBUSY" });
  const threads = runScenario({
    machine: {},
    steps: [...guest, enable()],
    concurrently: { guest: [run], vmm: [dontneed] },
  });
  expect(threads.notModelled).toMatchObject([{ thread: "guest", call: "spe_run" }]);
});
