import { expect, expectTypeOf, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import type { Environment } from "./expression.js";
import { resolveArguments } from "./resolve.js";

const names = new Map([
  ["vm", 4n],
  ["vcpu", 5n],
  ["gmem", 7n],
  ["ram", 0x200000000000n],
]);
const environment: Environment = { pageSize: 4096, lookup: (name) => names.get(name) };

test("the arguments of mmap have their values, with -1 for a descriptor left out", () => {
  const args = {
    addr: "ram",
    length: "16p",
    prot: "rw",
    flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED_NOREPLACE"],
  };
  const resolved = resolveArguments("mmap", args, environment);
  expectTypeOf(resolved.length).toEqualTypeOf<bigint>();
  expect(resolved).toEqual({
    addr: 0x200000000000n,
    length: 65536n,
    prot: 3n,
    flags: 0x100022n,
    fd: (1n << 64n) - 1n,
    offset: 0n,
  });
});

test("an ioctl goes to vm unless it says otherwise, and guest_memfd left out is descriptor 0", () => {
  const resolved = resolveArguments(
    "KVM_SET_USER_MEMORY_REGION2",
    { flags: ["KVM_MEM_GUEST_MEMFD", 8] },
    environment,
  );
  expectTypeOf(resolved.argp).toEqualTypeOf<bigint | undefined>();
  expect(resolved).toMatchObject({
    on: 4n,
    flags: 12n,
    guest_memfd: 0n,
    guest_memfd_offset: 0n,
    argp: undefined,
  });
  expect(resolveArguments("KVM_PRE_FAULT_MEMORY", { gpa: 0, size: "1p" }, environment).on).toBe(5n);
});

test("words, lists and lone constants have values of their own", () => {
  expect(
    resolveArguments("mbind", { addr: 0, length: "1p", mode: "MPOL_BIND", nodemask: [1] }, environment),
  ).toMatchObject({
    mode: 2n,
    nodemask: [1n],
    mode_flags: 0n,
  });
  const clear = { slot: 0, first_page: 0, num_pages: 64, dirty_bitmap: "ones" };
  expect(resolveArguments("KVM_CLEAR_DIRTY_LOG", clear, environment).dirty_bitmap).toBe("ones");
  expect(resolveArguments("fchmod", { fd: "gmem", mode: "0600" }, environment).mode).toBe(0o600n);
  expect(resolveArguments("vcpu_read", { gpa: 0, length: "2p" }, environment).stride).toBe(4096n);
  expect(resolveArguments("move_pages", { addr: "ram", count: 2 }, environment).node).toBeUndefined();
});

test("every step of every recording can be resolved", () => {
  const anything: Environment = { pageSize: 4096, lookup: () => 1n };
  let steps = 0;
  for (const { recording } of allRecordings)
    for (const { call, args } of recording.steps) {
      resolveArguments(call, args, anything);
      steps++;
    }
  expect(steps).toBe(24348);
});
