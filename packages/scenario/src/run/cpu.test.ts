import { guestAccess, type Memslot } from "@kvmm/kvm-memslots";
import { PAGE_SIZE } from "@kvmm/mm-core";
import { expect, test } from "vitest";
import type { Machine } from "../format/machine.js";
import type { Step } from "../format/step.js";
import { newestKernel } from "../kernels/kernels.js";
import { runScenario } from "./run-scenario.js";
import { World } from "./world.js";

const GPA = 0x8000_0000;

const slot = (...flags: string[]): Step => ({
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: { slot: 0, flags, guest_phys_addr: GPA, memory_size: "2M", userspace_addr: "ram" },
});
const guest = (call: "vcpu_write" | "vcpu_exec"): Step => ({
  call,
  args: { gpa: GPA, length: "1p", ...(call === "vcpu_write" ? { value: 0xd65f03c0 } : {}) },
});

const setUp: readonly Step[] = [
  {
    call: "mmap",
    args: {
      addr: "0x200000000000",
      length: "2M",
      prot: "rw",
      flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"],
    },
    as: "ram",
  },
  { call: "madvise", args: { addr: "ram", length: "2M", advice: "MADV_HUGEPAGE" } },
  slot(),
  guest("vcpu_write"),
];

/** What the last step came to. */
function last(machine: Machine, ...steps: readonly Step[]) {
  const { observed, violations, notModelled } = runScenario(
    { machine, steps: [...setUp, ...steps] },
    { stage2: true },
  );
  expect([violations, notModelled]).toEqual([[], []]);
  const { faults, stage2 } = observed.at(-1)!;
  const leaf = stage2!.find(([first]) => first === "0x80000000")!;
  return { faults: (faults ?? []).map(({ kind }) => kind), level: leaf[2], attributes: leaf[3] };
}

test.each([
  [true, []],
  [false, [{ access: "exec", kind: "access_flag" }]],
])("an aged page of the guest's program is used again: FEAT_HAFDBS %s", (hafdbs, faults) => {
  const world = new World({ cpu: { hafdbs } }, newestKernel().behaviour);
  const [{ userspaceAddr, baseGfn }] = world.kvm.peekMemslots().peek() as [Memslot];
  expect(world.kvm.clearYoung(userspaceAddr, userspaceAddr + PAGE_SIZE, "test")).toBe(true);
  expect(guestAccess(world.vcpu, baseGfn * PAGE_SIZE, "exec").faults).toEqual(faults);
});

test("with DIC everything is mapped executable at once", () => {
  expect(last({}, guest("vcpu_exec")).faults).toEqual(["permission"]);
  expect(last({ cpu: { dic: true } }, guest("vcpu_exec")).faults).toEqual([]);
});

test("with eager splitting a block is split as logging begins", () => {
  const log = slot("KVM_MEM_LOG_DIRTY_PAGES");
  expect(last({}, log)).toMatchObject({ level: 2, attributes: "R PXNUXN AF BLK" });
  expect(last({ eager_split_chunk_size: 0x20_0000 }, log)).toMatchObject({
    level: 3,
    attributes: "R PXNUXN AF",
  });
});

test.each<Machine>([
  { cpu: { fwb: false } },
  { cpu: { tlb_range: false } },
  { cpu: { xnx: false } },
  { cpu: { vhe: false } },
  { cpu: { lpa2: false } },
])("%o changes nothing that is observed", (machine) => {
  const steps = [guest("vcpu_exec"), slot("KVM_MEM_LOG_DIRTY_PAGES"), guest("vcpu_write")];
  expect(last(machine, ...steps)).toEqual(last({}, ...steps));
});

test("a chunk size that is no size of blocks is no machine", () => {
  const { notModelled } = runScenario({ machine: { eager_split_chunk_size: 3 }, steps: [{ call: "none" }] });
  expect(notModelled[0]?.why).toContain("KVM_ENABLE_CAP");
});
