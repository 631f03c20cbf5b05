import { describe, expect, test } from "vitest";
import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";
import type { RunOptions } from "../model.js";
import { undoA08 } from "../patches/undo-a08-swap-between-start-and-end.js";
import { undoC06 } from "../patches/undo-c06-gmem-permission-faults.js";
import { undoD13 } from "../patches/undo-d13-fault-granule.js";
import { runScenario } from "./run-scenario.js";

const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;
const RET = 0xd65f03c0;
const OTHER_GPA = 0x9000_0000;

const mapped = (addr: number, length: string, as: string): Step => ({
  call: "mmap",
  args: { addr, length, prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"] },
  as,
});
const slot = (
  index: number,
  guest_phys_addr: number,
  userspace_addr: string,
  args: Step["args"] = {},
): Step => ({
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: { slot: index, guest_phys_addr, memory_size: "1p", userspace_addr, ...args },
});
const guest = (call: "vcpu_read" | "vcpu_write" | "vcpu_exec", gpa: number): Step => ({
  call,
  args: { gpa, length: "1p" },
});
const munmap = (addr: string): Step => ({ call: "munmap", args: { addr, length: "1p" } });

function explored(
  steps: readonly Step[],
  concurrently: NonNullable<Scenario["concurrently"]>,
  options: RunOptions = {},
) {
  const result = runScenario({ machine: { nodes: 1 }, steps, concurrently }, options);
  expect(result.notModelled).toEqual([]);
  return result;
}

/** Holds; with the fix taken out, a vCPU faults for ever. */
function expectLivelock(
  patch: NonNullable<RunOptions["patches"]>[number],
  steps: readonly Step[],
  concurrently: NonNullable<Scenario["concurrently"]>,
  thread: string,
): void {
  expect(explored(steps, concurrently)).toMatchObject({ verdict: "holds", exploration: { complete: true } });
  const { violations, exploration } = explored(steps, concurrently, { patches: [patch] });
  expect(violations).toMatchObject([
    { property: "no livelock", text: `${thread} goes round for ever, and no call is completed` },
  ]);
  expect(exploration!.complete).toBe(false);
}

describe("a livelock is found", () => {
  test("C06: a permission fault on guest_memfd that is answered by mapping again", () => {
    const steps: readonly Step[] = [
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
      slot(0, GPA, "ram", { flags: ["KVM_MEM_GUEST_MEMFD"], guest_memfd: "gmem" }),
      { call: "host_write", args: { addr: "ram", length: "1p", value: RET } },
      guest("vcpu_read", GPA),
      mapped(RAM + 0x1000_0000, "1p", "other"),
    ];
    const exec = guest("vcpu_exec", GPA);
    expectLivelock(undoC06, steps, { vcpu: [exec], vmm: [munmap("other")] }, "vcpu");
    // An invalidation of the page lets the guest through again: then it is a wait, and no livelock.
    expect(explored(steps, { vcpu: [exec], vmm: [munmap("ram")] }, { patches: [undoC06] }).verdict).toBe(
      "holds",
    );
  });

  test("D13: a fault on a page where a block is wanted", () => {
    const args = { memory_size: "4M" };
    const steps: readonly Step[] = [
      mapped(RAM, "4M", "ram"),
      { call: "madvise", args: { addr: "ram", length: "4M", advice: "MADV_HUGEPAGE" } },
      { call: "host_write", args: { addr: "ram", length: "1p" } },
      slot(0, GPA, "ram", { ...args, flags: ["KVM_MEM_LOG_DIRTY_PAGES"] }),
      guest("vcpu_read", GPA + 0x3000),
      slot(0, GPA, "ram", args),
      mapped(RAM + 0x1000_0000, "1p", "other"),
    ];
    const threads = { vcpu: [guest("vcpu_write", GPA + 0x3000)], vmm: [munmap("other")] };
    expectLivelock(undoD13, steps, threads, "vcpu");
  });

  test("A08: a memslot that goes between the start and the end of an invalidation leaves faults waiting", () => {
    const steps: readonly Step[] = [
      mapped(RAM, "1p", "ram"),
      mapped(RAM + 0x1000_0000, "1p", "other"),
      { call: "host_write", args: { addr: "other", length: "1p" } },
      slot(0, GPA, "ram"),
      slot(1, OTHER_GPA, "other"),
      guest("vcpu_write", GPA),
    ];
    const deletesThenFaults = [slot(0, GPA, "ram", { memory_size: 0 }), guest("vcpu_write", OTHER_GPA)];
    expectLivelock(undoA08, steps, { vcpu: deletesThenFaults, vmm: [munmap("ram")] }, "vcpu");
  });
});

/*
 * The guest reads a page of a userfaultfd, whose handler is the other thread. A fault waits for the handler within an
 * SRCU section of kvm->srcu, which a memslot update waits for.
 */
describe("threads that wait for ever are found", () => {
  const page = { on: "uffd", addr: "ram", length: "1p" };
  const fill = (mode: readonly string[] = []): Step => ({ call: "UFFDIO_ZEROPAGE", args: { ...page, mode } });
  const steps: readonly Step[] = [
    mapped(RAM, "2p", "ram"),
    mapped(RAM + 0x1000_0000, "1p", "other"),
    slot(0, GPA, "ram"),
    { call: "userfaultfd", args: { flags: [] }, as: "uffd" },
    { call: "UFFDIO_API", args: { on: "uffd", features: [] } },
    {
      call: "UFFDIO_REGISTER",
      args: { ...page, length: "2p", mode: ["UFFDIO_REGISTER_MODE_MISSING"] },
    },
    { call: "UFFDIO_ZEROPAGE", args: { ...page, addr: "ram+1p" } },
  ];
  const handled = (...handler: readonly Step[]) =>
    runScenario({
      machine: { nodes: 1, arch: "x86" },
      steps,
      concurrently: { vcpu: [guest("vcpu_read", GPA)], handler },
    });
  const vcpuSleeps = `vcpu waits for userfault at ${RAM.toString(16)} wait queue`;

  test("a deadlock: the handler adds a memslot before it fills the page, and each waits for the other", () => {
    const add = slot(1, OTHER_GPA, "other");
    expect(handled(add, fill()).violations).toMatchObject([
      { property: "no deadlock", text: `${vcpuSleeps}; handler waits for kvm->srcu` },
    ]);
    expect(handled(fill(), add)).toMatchObject({ verdict: "holds", exploration: { complete: true } });
  });

  test("a lost wake-up: the handler fills the page and wakes nobody", () => {
    const quietly = fill(["UFFDIO_ZEROPAGE_MODE_DONTWAKE"]);
    const wake: Step = { call: "UFFDIO_WAKE", args: page };
    expect(handled(quietly).violations).toMatchObject([{ property: "no deadlock", text: vcpuSleeps }]);
    expect(handled(quietly, wake)).toMatchObject({ verdict: "holds", exploration: { complete: true } });
    // Nobody sleeps yet when it is woken.
    expect(handled(wake, quietly).violations).toMatchObject([{ text: vcpuSleeps }]);
  });
});

describe("exploring within bounds", () => {
  const steps = [
    mapped(RAM, "1p", "ram"),
    slot(0, GPA, "ram"),
    { call: "host_write", args: { addr: "ram", length: "1p" } } as const,
  ];
  const threads = { vcpu: [guest("vcpu_write", GPA)], vmm: [munmap("ram")] };
  const covered = (exploring: RunOptions["exploring"], seed?: number) =>
    explored(steps, threads, { exploring: exploring!, ...(seed === undefined ? {} : { seed }) });

  test("says that everything was covered, and how sure that is", () => {
    const { sentence, exploration } = covered({});
    expect(exploration!.complete).toBe(true);
    expect(exploration!.collision).toBeGreaterThan(0);
    expect(sentence).toMatch(
      /, every interleaving of the threads \(957 states; chance of a hash collision 2e-14\): every property held\.$/,
    );
  });

  test("says how many preemptions, states or walks it was", () => {
    const preemptions = covered({ preemptions: 1 });
    expect(preemptions.exploration).toMatchObject({
      complete: false,
      covered: expect.stringMatching(
        /^every interleaving with at most 1 preemption \(\d+ states; .*not exhaustive$/,
      ),
    });
    expect(preemptions.notCovered).toContain("the other interleavings of the threads");
    expect(covered({ states: 100 }).exploration!.covered).toMatch(
      /^interleavings of the threads until the bound was reached, states \(100 states; .*not exhaustive$/,
    );
    const walks = covered({ walks: 20 }, 7);
    expect(walks.exploration).toMatchObject({
      complete: false,
      covered: "20 random walks from seed 7; not exhaustive",
    });
    expect(covered({ walks: 20 }, 7)).toEqual(walks);
    expect(covered({ walks: 20 }, 8).exploration).not.toEqual(walks.exploration);
  });
});
