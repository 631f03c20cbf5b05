import { type AccessOptions, type Arm64Mmu, arm64, arm64v72, stage2Checks } from "@kvmm/arm64-stage2";
import { type SearchOptions, Store, search } from "@kvmm/interleave";
import {
  createVcpu,
  guestAccess,
  KVM_MEM_READONLY,
  type Kvm,
  KvmModule,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import {
  Host,
  hostAccess,
  isRefusal,
  MapFlag,
  mmap,
  PAGE_SIZE,
  Prot,
  type Result,
  Task,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import type { Machine as ScenarioMachine } from "../format/machine.js";
import type { Step } from "../format/step.js";
import { runScenario } from "../run/run-scenario.js";
import type { Patch } from "./define-patch.js";
import { undoC06 } from "./undo-c06-gmem-permission-faults.js";
import { undoD04 } from "./undo-d04-wrprotect-holes.js";
import { undoD05 } from "./undo-d05-mark-dirty-before-mapping.js";
import { undoD11 } from "./undo-d11-block-over-table.js";
import { undoD13 } from "./undo-d13-fault-granule.js";
import { undoD14 } from "./undo-d14-valid-leaf-reference.js";
import { undoD15 } from "./undo-d15-inherited-exec.js";
import { undoD17 } from "./undo-d17-huge-mapping-fit.js";
import { undoD18 } from "./undo-d18-free-tables-with-entries.js";
import { undoD20 } from "./undo-d20-apply-range-step.js";
import { undoD24 } from "./undo-d24-walk-of-read-only-memory.js";
import { undoE02 } from "./undo-e02-atomic-fault-page.js";

const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;
const RET = 0xd65f03c0;

const map = (length: string, advice: string): Step[] => [
  {
    call: "mmap",
    args: { addr: RAM, length, prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"] },
    as: "ram",
  },
  { call: "madvise", args: { addr: "ram", length, advice } },
];
const pages = (length: string) => map(length, "MADV_NOHUGEPAGE");
const hugePages = (length: string) => map(length, "MADV_HUGEPAGE");
const slot = (memory_size: string, more: Step["args"] = {}): Step => ({
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: { slot: 0, guest_phys_addr: GPA, memory_size, userspace_addr: "ram", ...more },
});
const logged = (memory_size: string) => slot(memory_size, { flags: ["KVM_MEM_LOG_DIRTY_PAGES"] });
const guest = (call: "vcpu_read" | "vcpu_write" | "vcpu_exec", page: number): Step => ({
  call,
  args: { gpa: GPA + page * PAGE_SIZE, length: "1p" },
});
const code = (length: string): Step => ({ call: "host_write", args: { addr: "ram", length, value: RET } });

/** The properties that do not hold. */
function broken(
  steps: readonly Step[],
  patch: Patch | null,
  machine: ScenarioMachine = {},
): readonly string[] {
  const result = runScenario({ machine, steps }, patch === null ? {} : { patches: [patch] });
  expect(result.notModelled).toEqual([]);
  return result.violations.map(({ property }) => property);
}

/** A scenario that holds, and breaks with the fix taken out. */
function caught(patch: Patch, by: string, steps: readonly Step[], machine?: ScenarioMachine): void {
  test(`${by}: ${patch.name}, ${patch.title}`, () => {
    expect(broken(steps, null, machine)).toEqual([]);
    expect(broken(steps, patch, machine)).toContain(by);
  });
}

describe("what is caught by what every run checks", () => {
  caught(undoD04, "no lost dirty bit", [
    ...pages("16p"),
    slot("16p"),
    guest("vcpu_write", 0),
    guest("vcpu_write", 8),
    logged("16p"),
  ]);

  const tableToBlock = [
    ...hugePages("4M"),
    logged("4M"),
    guest("vcpu_write", 0),
    slot("4M"),
    guest("vcpu_read", 3),
  ];
  caught(undoD11, "break-before-make", tableToBlock);
  caught(undoD11, "no leak or early free of a table page", tableToBlock);

  caught(undoD13, "progress", [
    ...hugePages("4M"),
    code("1p"),
    logged("4M"),
    guest("vcpu_read", 3),
    slot("4M"),
    guest("vcpu_write", 3),
  ]);

  caught(undoD15, "no stale instructions", [
    ...hugePages("4M"),
    code("4p"),
    logged("4M"),
    guest("vcpu_exec", 3),
    slot("4M"),
    guest("vcpu_write", 3),
  ]);

  caught(undoD17, "no stale stage-2 mapping", [
    ...hugePages("4M"),
    code("1p"),
    slot("2M", { userspace_addr: "ram+1p" }),
    guest("vcpu_write", 0),
  ]);
  caught(
    undoD18,
    "no leak or early free of a table page",
    [
      ...pages("1p"),
      slot("1p"),
      guest("vcpu_write", 0),
      { call: "close", args: { fd: "vcpu" } },
      { call: "close", args: { fd: "vm" } },
    ],
    { vm_type: 48 },
  );

  caught(
    undoD20,
    "mmu_lock is let go of",
    [
      ...pages("3G"),
      slot("3G"),
      guest("vcpu_write", 0),
      { call: "munmap", args: { addr: "ram", length: "3G" } },
    ],
    { vm_type: 48 },
  );

  caught(undoC06, "progress", [
    {
      call: "KVM_CREATE_GUEST_MEMFD",
      args: { size: "1p", flags: ["GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED"] },
      as: "gmem",
    },
    {
      call: "mmap",
      args: { addr: RAM, length: "1p", prot: "rw", flags: ["MAP_SHARED", "MAP_FIXED"], fd: "gmem" },
      as: "ram",
    },
    code("1p"),
    slot("1p", { flags: ["KVM_MEM_GUEST_MEMFD"], guest_memfd: "gmem" }),
    guest("vcpu_read", 0),
    guest("vcpu_exec", 0),
  ]);
});

function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

/** A VM with two vCPUs and a slot of one page that the VMM has written. */
function machine(patch: Patch | null, flags = 0) {
  const store = new Store();
  const host = new Host(store);
  const vmm = host.spawn("vmm");
  const behaviour = patch?.change.arm64?.(arm64v72) ?? arm64v72;
  const module = new KvmModule(host, { architecture: arm64({ behaviour }) });
  const kvm: Kvm = ok(module.createVm(vmm));
  const mapping = {
    prot: Prot.read | Prot.write,
    flags: MapFlag.private | MapFlag.anonymous | MapFlag.fixed,
  };
  ok(mmap(vmm, { addr: RAM, length: PAGE_SIZE, ...mapping, fd: -1, offset: 0 }));
  hostAccess(vmm, RAM, RET);
  ok(
    setMemoryRegion2(kvm, vmm, {
      slot: 0,
      guestPhysAddr: GPA,
      memorySize: PAGE_SIZE,
      userspaceAddr: RAM,
      flags,
    }),
  );
  const vcpus = [0, 1].map((id) =>
    ok(createVcpu(kvm, new Task(vmm.process, `vcpu ${id}`, 2000 + id, id), id)),
  );
  const mmu = kvm.mmu as Arm64Mmu;
  const access = (kind: "read" | "write", options: AccessOptions) =>
    mmu.access(vcpus[0]!, GPA, kind, 1, options);
  return { store, host, kvm, vcpus, mmu, access };
}

/** States after which a race that holds is given up. */
const ENOUGH = 10_000;

/** Two vCPUs write to the page at once, while it is aged. */
function race({ store, kvm, vcpus }: ReturnType<typeof machine>, options: SearchOptions) {
  const threads = vcpus.map((vcpu) => ({
    name: `vcpu ${vcpu.vcpuId}`,
    calls: [() => guestAccess(vcpu, GPA, "write", 1).exit?.errno ?? ""],
  }));
  const ageing = { name: "mm", calls: [() => void kvm.clearYoung(RAM, RAM + PAGE_SIZE, "ageing")] };
  return search(store, [...threads, ageing], { maxStates: ENOUGH, ...options });
}

describe("what it takes two vCPUs to catch", () => {
  test.each([
    ["7.2", null, "holds"],
    [undoD05.name, undoD05, "KVM_RUN fails with EAGAIN"],
  ])("a fault that comes too late is taken again: %s", (_name, patch, verdict) => {
    const result = race(machine(patch), {
      atEnd: (results) => (results.flat().includes("EAGAIN") ? "KVM_RUN fails with EAGAIN" : undefined),
    });
    expect(result.violations[0]?.message ?? "holds").toBe(verdict);
  });

  test.each([
    ["7.2", null, /^holds/],
    [
      undoD14.name,
      undoD14,
      /^leak: stage-2 level 3 table of 0x80000000 has 3 references, and 1 entries that hold one/,
    ],
  ])("no leak of a table page: %s", (_name, patch, verdict) => {
    const m = machine(patch);
    const tables = stage2Checks.find(({ name }) => name === "no leak or early free of a table page");
    const result = race(m, {
      atEnd: () => tables?.broken(m.mmu),
    });
    expect(result.violations[0]?.message ?? "holds").toMatch(verdict);
  });
});

describe("what takes a guest with its own page tables, or with odd instructions", () => {
  test.each([
    ["7.2", null, undefined],
    [undoD24.name, undoD24, 0x96000017],
  ])("a page-table walk in a read-only memslot completes: %s", (_name, patch, exception) => {
    const { access } = machine(patch, KVM_MEM_READONLY);
    expect(access("read", { stage1Walk: 3 }).exit?.exception).toBe(exception);
  });

  test("a page-table walk that sets an access flag in a read-only memslot does not", () => {
    const { access } = machine(null, KVM_MEM_READONLY);
    expect(access("write", { stage1Walk: 3 })).toEqual({
      faults: [
        { access: "write", kind: "translation" },
        { access: "write", kind: "permission" },
      ],
      exit: { exception: 0x96000017 },
    });
  });

  test.each([
    ["7.2", null, 0],
    [undoE02.name, undoE02, 1],
  ])("no page reference is lost where an atomic access is refused: %s", (_name, patch, lost) => {
    const { access, host, mmu } = machine(patch);
    access("write", {});
    const pfn = mmu.peekLeaf(GPA)!.pa / PAGE_SIZE;
    const before = host.frames.refcount.peek(pfn);
    expect(access("write", { unsupportedAtomic: true }).exit).toEqual({ exception: 0x96000035 });
    expect(host.frames.refcount.peek(pfn) - before).toBe(lost);
  });
});

test("no kernel warning: an exec fault on logged blocks finds the cache of table pages empty in 7.2, and not in 7.3", () => {
  const stride = { length: "128M", stride: "2M" };
  const steps: Step[] = [
    ...hugePages("128M"),
    { call: "host_write", args: { addr: "ram", value: RET, ...stride } },
    slot("128M"),
    { call: "vcpu_read", args: { gpa: GPA, ...stride } },
    logged("128M"),
    { call: "vcpu_exec", args: { gpa: GPA, ...stride } },
  ];
  expect(runScenario({ machine: { kernel: "7.2" }, steps }).warnings).toEqual([
    "kvm_mmu_memory_cache_alloc: a walk under mmu_lock finds its cache of table pages empty",
  ]);
  expect(runScenario({ machine: { kernel: "7.3" }, steps }).warnings).toEqual([]);
});
