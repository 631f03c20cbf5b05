// What tools/testing/selftests/kvm/guest_memfd_test.c asserts, as scenarios, in our words.
import { describe, expect, test } from "vitest";
import type { Observation } from "../format/observation.js";
import { readScenario } from "../read/scenario.js";
import { runScenario } from "../run/run-scenario.js";

type Args = Readonly<Record<string, unknown>>;
type Flags = readonly string[];
interface Call {
  readonly call: string;
  readonly args: Args;
  readonly as?: string;
}

const MMAP = "GUEST_MEMFD_FLAG_MMAP";
const INIT_SHARED = "GUEST_MEMFD_FLAG_INIT_SHARED";
const PUNCH = ["FALLOC_FL_KEEP_SIZE", "FALLOC_FL_PUNCH_HOLE"];
const KEEP = ["FALLOC_FL_KEEP_SIZE"];

const gmem = (flags: Flags, size: string | number = "4p", as = "gmem"): Call => ({
  call: "KVM_CREATE_GUEST_MEMFD",
  args: { size, flags },
  as,
});
const map = (args: Args = {}): Call => ({
  call: "mmap",
  args: { length: "4p", prot: "rw", flags: ["MAP_SHARED"], fd: "gmem", ...args },
  as: "ram",
});
const fallocate = (mode: Flags, offset: string | number, length: string | number): Call => ({
  call: "fallocate",
  args: { fd: "gmem", mode, offset, length },
});
const read = (length: string, addr = "ram"): Call => ({ call: "host_read", args: { addr, length } });
const write = (length: string, addr = "ram", value = 0xaa): Call => ({
  call: "host_write",
  args: { addr, length, value },
});

/** What is observed of each call, on a machine of two nodes; nothing may be out of place at the end. */
function run(...steps: readonly Call[]): readonly Observation[] {
  const scenario = readScenario(JSON.stringify({ machine: { kernel: "7.2" }, steps }));
  const { observed, notModelled, violations } = runScenario(scenario);
  expect({ notModelled, violations }).toEqual({ notModelled: [], violations: [] });
  return observed;
}

const errno = ({ errno: name }: Observation | undefined = {}) => name ?? "fine";
const last = (...steps: readonly Call[]) => run(...steps).at(-1)!;

describe("guest_memfd_test, test_guest_memfd_flags", () => {
  test("the flags of KVM_CAP_GUEST_MEMFD_FLAGS are taken, each by itself, and no other", () => {
    const supported = last({
      call: "KVM_CHECK_EXTENSION",
      args: { extension: "KVM_CAP_GUEST_MEMFD_FLAGS" },
    }).ret;
    expect(supported).toBe(3);
    for (let bit = 0n; bit < 64n; bit++) {
      const flag = `0x${(1n << bit).toString(16)}`;
      const made = last({ call: "KVM_CREATE_GUEST_MEMFD", args: { size: "1p", flags: [flag] } });
      expect([flag, errno(made)]).toEqual([flag, bit < 2n ? "fine" : "EINVAL"]);
    }
  });
});

describe.each<[Flags]>([[[]], [[MMAP]], [[MMAP, INIT_SHARED]]])("guest_memfd_test with flags %j", (flags) => {
  test("test_create_guest_memfd_invalid_sizes: only whole pages", () => {
    for (const size of [1, 2, 511, 2048, 4095]) expect(errno(last(gmem(flags, size)))).toBe("EINVAL");
  });

  test("test_create_guest_memfd_multiple: each has its own size and inode", () => {
    const stat = (fd: string): Call => ({ call: "fstat", args: { fd } });
    const [, one, , two, again] = run(
      gmem(flags, "1p", "a"),
      stat("a"),
      gmem(flags, "2p", "b"),
      stat("b"),
      stat("a"),
    );
    expect([one?.stat?.["size"], two?.stat?.["size"], again?.stat?.["size"]]).toEqual([4096, 8192, 4096]);
  });

  test("test_file_read_write: neither reading nor writing through the file", () => {
    const fd = { fd: "gmem", count: 64 };
    for (const call of ["read", "write"])
      expect(errno(last(gmem(flags), { call, args: fd }))).not.toBe("fine");
    for (const call of ["pread", "pwrite"])
      expect(errno(last(gmem(flags), { call, args: { ...fd, offset: 0 } }))).not.toBe("fine");
  });

  test("test_file_size: fstat tells the size it was made with", () => {
    expect(last(gmem(flags), { call: "fstat", args: { fd: "gmem" } }).stat).toMatchObject({
      size: 4 * 4096,
      blksize: 4096,
    });
  });

  test("test_fallocate: whole pages, memory within the file, holes anywhere", () => {
    const [, ...seen] = run(
      gmem(flags),
      fallocate(KEEP, 0, "4p"),
      fallocate(PUNCH, "1p-1", "1p"),
      fallocate(KEEP, "4p", "1p"),
      fallocate(KEEP, "5p", "1p"),
      fallocate(PUNCH, "4p", "1p"),
      fallocate(PUNCH, "5p", "1p"),
      fallocate(PUNCH, "1p", "1p-1"),
      fallocate(PUNCH, "1p", "1p"),
      fallocate(KEEP, "1p", "1p"),
    );
    expect(seen.map(errno)).toEqual([
      "fine",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "fine",
      "fine",
      "EINVAL",
      "fine",
      "fine",
    ]);
  });

  test("test_invalid_punch_hole: no parts of pages", () => {
    const ranges = [
      [0, 1],
      [0, "1p-1"],
      [0, "1p+1"],
      [1, 1],
      [1, "1p-1"],
      [1, "1p"],
      [1, "1p+1"],
      ["1p", 1],
      ["1p", "1p-1"],
      ["1p", "1p+1"],
    ] as const;
    for (const [offset, length] of ranges)
      expect(errno(last(gmem(flags), fallocate(PUNCH, offset, length)))).toBe("EINVAL");
  });

  test("test_invalid_binding: not from beyond the file on", () => {
    const args = {
      flags: ["KVM_MEM_GUEST_MEMFD"],
      memory_size: "4p",
      guest_memfd: "gmem",
      guest_memfd_offset: "0x7ffffffffffff000",
    };
    expect(errno(last(gmem(flags), { call: "KVM_SET_USER_MEMORY_REGION2", args }))).toBe("EINVAL");
  });
});

describe("guest_memfd_test, memory that cannot be mapped", () => {
  test("test_mmap_not_supported: neither a page of it nor all", () => {
    for (const length of ["1p", "4p"]) expect(errno(last(gmem([]), map({ length })))).toBe("ENODEV");
  });
});

describe.each<[Flags]>([[[MMAP]], [[MMAP, INIT_SHARED]]])(
  "guest_memfd_test, memory that can be mapped: %j",
  (flags) => {
    test("test_mmap_cow: but not privately", () => {
      expect(errno(last(gmem(flags), map({ flags: ["MAP_PRIVATE"] })))).toBe("EINVAL");
    });

    test("test_mbind: has the policy that was set for it, and forgets it again", () => {
      const bind = (
        addr: string,
        length: string,
        mode: string | number,
        nodemask: readonly number[],
      ): Call => ({
        call: "mbind",
        args: { addr, length, mode, nodemask },
      });
      const ask = (addr: string): Call => ({ call: "get_mempolicy", args: { addr, flags: ["MPOL_F_ADDR"] } });
      const seen = run(
        gmem(flags),
        map(),
        bind("ram", "2p", "MPOL_INTERLEAVE", [0]),
        ask("ram"),
        bind("ram+2p", "2p", "MPOL_BIND", [0]),
        ask("ram+2p"),
        bind("ram", "4p", "MPOL_DEFAULT", []),
        ask("ram"),
        bind("ram", "1p", 999, [0]),
      );
      expect([seen[3], seen[5], seen[7]].map((policy) => [policy?.mode, policy?.nodemask])).toEqual([
        ["MPOL_INTERLEAVE", [0]],
        ["MPOL_BIND", [0]],
        ["MPOL_DEFAULT", []],
      ]);
      expect(errno(seen[8])).toBe("EINVAL");
    });
  },
);

describe("guest_memfd_test, memory that the guest has for itself", () => {
  test("test_fault_private: raises SIGBUS wherever user space touches it", () => {
    const { signals } = last(gmem([MMAP]), map(), write("4p"));
    expect(signals).toMatchObject([{ pages: [[0, 4]], signal: "SIGBUS" }]);
  });
});

describe("guest_memfd_test, memory that is shared at first", () => {
  const flags = [MMAP, INIT_SHARED];

  test("test_mmap_supported: holds what was written, is zero where a hole was punched, and can be written again", () => {
    const seen = run(
      gmem(flags),
      map(),
      write("4p"),
      read("4p"),
      fallocate(PUNCH, 0, "1p"),
      read("1p"),
      read("3p", "ram+1p"),
      write("1p"),
      read("4p"),
    );
    expect([3, 5, 6, 8].map((step) => seen[step]?.value)).toEqual([0xaa, 0, 0xaa, 0xaa]);
    expect(seen.every(({ signals }) => signals === undefined)).toBe(true);
  });

  test("test_fault_overflow: raises SIGBUS beyond the end of the file, and only there", () => {
    const { signals } = last(gmem(flags), map({ length: "16p" }), write("16p"));
    expect(signals).toMatchObject([{ pages: [[4, 16]], signal: "SIGBUS" }]);
  });

  test("test_numa_allocation: comes from the node of its policy, also after a hole", () => {
    const bind = (addr: string, length: string, node: number): Call => ({
      call: "mbind",
      args: { addr, length, mode: "MPOL_BIND", nodemask: [node] },
    });
    const where: Call = { call: "move_pages", args: { addr: "ram", count: 4 } };
    const seen = run(
      gmem(flags),
      map(),
      write("1p"),
      bind("ram", "1p", 0),
      fallocate(PUNCH, 0, "1p"),
      bind("ram", "2p", 1),
      bind("ram+2p", "2p", 0),
      write("4p"),
      where,
      fallocate(PUNCH, 0, "4p"),
      bind("ram", "2p", 0),
      bind("ram+2p", "2p", 1),
      write("4p"),
      where,
    );
    expect([seen[8]?.status, seen[13]?.status]).toEqual([
      [1, 1, 0, 0],
      [0, 0, 1, 1],
    ]);
  });

  test("test_collapse: takes MADV_HUGEPAGE, but is never collapsed", () => {
    const advise = (advice: string): Call => ({
      call: "madvise",
      args: { addr: "0x200000000000", length: "2M", advice },
    });
    const seen = run(
      gmem(flags, "2M"),
      map({ addr: "0x200000000000", length: "2M", flags: ["MAP_SHARED", "MAP_FIXED"] }),
      read("2M"),
      advise("MADV_HUGEPAGE"),
      advise("MADV_COLLAPSE"),
      advise("MADV_DONTNEED"),
      read("1p"),
    );
    expect(seen.slice(3).map(errno)).toEqual(["fine", "EINVAL", "fine", "fine"]);
  });

  test("test_guest_memfd_guest: guest and VMM see what the other wrote", () => {
    const region = {
      slot: 1,
      flags: ["KVM_MEM_GUEST_MEMFD"],
      guest_phys_addr: "4G",
      memory_size: "4p",
      guest_memfd: "gmem",
    };
    const seen = run(
      gmem(flags),
      { call: "KVM_SET_USER_MEMORY_REGION2", args: region },
      map(),
      write("4p"),
      { call: "munmap", args: { addr: "ram", length: "4p" } },
      { call: "vcpu_read", args: { gpa: "4G", length: "4p" } },
      { call: "vcpu_write", args: { gpa: "4G", length: "4p", value: 0xff } },
      map(),
      read("4p"),
    );
    expect([seen[5]?.value, seen[8]?.value]).toEqual([0xaa, 0xff]);
  });
});
