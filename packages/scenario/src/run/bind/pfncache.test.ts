import { expect, test } from "vitest";
import { readScenario } from "../../read/scenario.js";
import { runScenario } from "../run-scenario.js";

const memory = [
  { call: "mmap", args: { length: "2p", prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS"] }, as: "ram" },
  {
    call: "KVM_SET_USER_MEMORY_REGION",
    args: {
      slot: 0,
      guest_phys_addr: "0x80000000",
      memory_size: "2p",
      userspace_addr: "ram",
      flags: ["KVM_MEM_LOG_DIRTY_PAGES"],
    },
  },
];
const activate = { call: "kvm_gpc_activate", args: { gpa: "0x80000010", length: 64 }, as: "cache" };
const onCache = (call: string, args: object = {}) => ({ call, args: { cache: "cache", ...args } });
const dontneed = { call: "madvise", args: { addr: "ram", length: "1p", advice: "MADV_DONTNEED" } };

function run(steps: readonly object[], arch = "x86") {
  const {
    observed,
    notModelled,
    violations,
    arch: ranOn,
  } = runScenario(readScenario(JSON.stringify({ machine: { arch }, steps })));
  expect({ violations, ranOn }).toEqual({ violations: [], ranOn: arch });
  return { observed: observed.slice(memory.length), notModelled };
}

test("what KVM writes through a cache the guest reads, and the dirty log tells of", () => {
  const { observed } = run([
    ...memory,
    activate,
    onCache("kvm_gpc_write", { value: 7 }),
    { call: "vcpu_read", args: { gpa: "0x80000000", length: "1p" } },
    onCache("kvm_gpc_read"),
    { call: "KVM_GET_DIRTY_LOG", args: { slot: 0 } },
  ]);
  expect(observed).toMatchObject([
    { ret: 0 },
    { ret: 0 },
    { value: 7 },
    { ret: 0, value: 7 },
    { bitmap: [[0, 1]] },
  ]);
});

test("an invalidation makes a cache unusable until it is refreshed, and it is gone once deactivated", () => {
  const { observed } = run([
    ...memory,
    activate,
    onCache("kvm_gpc_check"),
    dontneed,
    onCache("kvm_gpc_check"),
    onCache("kvm_gpc_write"),
    onCache("kvm_gpc_refresh"),
    onCache("kvm_gpc_check"),
    onCache("kvm_gpc_check", { length: "1p" }),
    onCache("kvm_gpc_deactivate"),
    onCache("kvm_gpc_refresh"),
    { call: "kvm_gpc_activate", args: { gpa: "0x80000010", length: 64, cache: "cache" } },
    onCache("kvm_gpc_check"),
  ]);
  expect(observed.map(({ ret, errno }) => errno ?? ret)).toEqual([
    0,
    1,
    0,
    0,
    "EAGAIN",
    0,
    1,
    0,
    0,
    "EINVAL",
    0,
    1,
  ]);
});

test("a change of the memslots makes a cache of a guest address unusable, and not one of a user address", () => {
  const other = {
    call: "KVM_SET_USER_MEMORY_REGION",
    args: { slot: 1, memory_size: "1p", userspace_addr: "ram" },
  };
  const byAddress = { call: "kvm_gpc_activate", args: { addr: "ram", length: 64 }, as: "cache" };
  const usable = (made: object) =>
    run([...memory, made, other, onCache("kvm_gpc_check")]).observed.at(-1)?.ret;
  expect([usable(activate), usable(byAddress)]).toEqual([0, 1]);
});

test("arm64 has no pfncaches", () => {
  expect(run([...memory, activate], "arm64").notModelled).toMatchObject([{ call: "kvm_gpc_activate" }]);
});
