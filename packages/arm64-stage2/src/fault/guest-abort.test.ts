import { LivelockError, Store } from "@kvmm/interleave";
import {
  type AccessKind,
  checkExtension,
  createVcpu,
  enableCap,
  gmemCreate,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  KvmModule,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import {
  Host,
  type HostOptions,
  hostAccess,
  isRefusal,
  Madv,
  MapFlag,
  madvise,
  mmap,
  PAGE_SIZE,
  PMD_SIZE,
  Prot,
  PUD_SIZE,
  type Result,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { dump } from "../dump/dump.js";
import { arm64 } from "./arm64.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;
const MAP_HUGE_1GB = 30 << 26;

function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

function vm(options: HostOptions = {}, type = 0) {
  const host = new Host(new Store(), options);
  const vmm = host.spawn("vmm");
  const kvm = ok(new KvmModule(host, { architecture: arm64() }).createVm(vmm, type));
  const vcpu = ok(createVcpu(kvm, vmm, 0));
  const mmu = kvm.mmu as Arm64Mmu;
  const map = (length: number, more = 0, prot: number = Prot.read | Prot.write) => {
    const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed | more;
    ok(mmap(vmm, { addr: RAM, length, prot, flags, fd: -1, offset: 0 }));
  };
  const slot = (memorySize: number, more: object = {}) =>
    ok(setMemoryRegion2(kvm, vmm, { slot: 0, guestPhysAddr: GPA, memorySize, userspaceAddr: RAM, ...more }));
  const access = (kind: AccessKind, offset = 0) => guestAccess(vcpu, GPA + offset, kind, 7);
  /** Level and attributes of what is mapped. */
  const leaves = () =>
    dump(mmu.pgt, { whole: true }).flatMap(([first, end, level, is]) =>
      is === "" ? [] : [`${level}: ${(end - first) / PAGE_SIZE} ${is}`],
    );
  return { host, vmm, kvm, vcpu, mmu, map, slot, access, leaves };
}

describe("what the guest sees of an access that no memslot answers", () => {
  const { vcpu, slot, map, access } = vm({}, 36);
  map(PAGE_SIZE);
  slot(PAGE_SIZE, { flags: KVM_MEM_READONLY });

  test.each<[string, AccessKind, number, object]>([
    ["a device", "read", GPA + PAGE_SIZE, { reason: "KVM_EXIT_MMIO" }],
    ["an instruction that is not there", "exec", GPA + PAGE_SIZE, { exception: 0x86000010 }],
    ["a write to read-only memory", "write", GPA, { reason: "KVM_EXIT_MMIO" }],
    ["beyond the VM's address space", "read", 2 ** 36, { exception: 0x96000010 }],
    ["beyond it, an instruction", "exec", 2 ** 36, { exception: 0x86000010 }],
    ["beyond all that the machine has", "write", 2 ** 52, { exception: 0x96000000 }],
  ])("%s", (_what, kind, gpa, exit) => {
    expect(guestAccess(vcpu, gpa, kind, 0).exit).toEqual(exit);
  });

  test("read-only memory is read, and executed", () => {
    expect(access("read").exit).toBeUndefined();
    expect(access("exec").faults).toEqual([{ access: "exec", kind: "permission" }]);
  });
});

describe("what the VMM sees of memory that is not there", () => {
  test("no mapping: -EFAULT", () => {
    const { slot, access } = vm();
    slot(PAGE_SIZE);
    expect(access("read").exit).toEqual({ errno: "EFAULT" });
  });

  test("a mapping that forbids it: -EFAULT", () => {
    const { map, slot, access } = vm();
    map(PAGE_SIZE, 0, Prot.read);
    slot(PAGE_SIZE);
    expect(access("read").exit).toBeUndefined();
    expect(access("write").exit).toEqual({ errno: "EFAULT" });
  });

  test("poison: a signal that says how much is lost", () => {
    const { vmm, map, slot, access } = vm();
    map(PAGE_SIZE);
    slot(PAGE_SIZE);
    access("write");
    ok(madvise(vmm, RAM, PAGE_SIZE, Madv.hwpoison));
    const exit = {
      reason: "KVM_EXIT_INTR",
      errno: "EINTR",
      signal: "SIGBUS",
      code: "BUS_MCEERR_AR",
      addrLsb: 12,
    };
    expect(access("read").exit).toEqual(exit);
  });
});

describe("sizes of mappings", () => {
  const gigantic = { hugetlb1G: 1, nodeSize: 4 * PUD_SIZE };
  const GIGANTIC = MapFlag.hugetlb | MAP_HUGE_1GB;

  test("a page of 1 GiB is one entry", () => {
    const { map, slot, access, leaves } = vm(gigantic);
    map(PUD_SIZE, GIGANTIC);
    slot(PUD_SIZE);
    access("write", 5 * PMD_SIZE);
    expect(leaves()).toEqual(["1: 262144 R W PXNUXN AF BLK"]);
  });

  test("of 2 MiB where the memslot has not all of it", () => {
    const { map, slot, access, leaves } = vm(gigantic);
    map(PUD_SIZE, GIGANTIC);
    slot(PUD_SIZE - PMD_SIZE);
    access("write");
    expect(leaves()).toEqual(["2: 512 R W PXNUXN AF BLK"]);
  });

  test("of 2 MiB, or of 4 KiB, where addresses are aligned differently", () => {
    for (const [shift, expected] of [
      [PMD_SIZE, "2: 512 R W PXNUXN AF BLK"],
      [PAGE_SIZE, "3: 1 R W PXNUXN AF"],
    ] as const) {
      const { map, slot, access, leaves } = vm(gigantic);
      map(PUD_SIZE, GIGANTIC);
      slot(PUD_SIZE, { guestPhysAddr: GPA + shift });
      access("write", shift);
      expect(leaves()).toEqual([expected]);
    }
  });

  test.each([
    ["lazily", 0, ["1: 262144 R PXNUXN AF BLK"], ["3: 1 R W PXNUXN AF"]],
    [
      "eagerly",
      PMD_SIZE,
      ["3: 262144 R PXNUXN AF"],
      ["3: 2560 R PXNUXN AF", "3: 1 R W PXNUXN AF", "3: 259583 R PXNUXN AF"],
    ],
  ])("logging splits 1 GiB %s, and it is put together again afterwards", (_how, chunk, atFirst, written) => {
    const { kvm, map, slot, access, leaves, mmu } = vm(gigantic);
    ok(enableCap(kvm, "KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE", 0, [chunk]));
    map(PUD_SIZE, GIGANTIC);
    slot(PUD_SIZE);
    access("write");
    slot(PUD_SIZE, { flags: KVM_MEM_LOG_DIRTY_PAGES });
    expect(leaves()).toEqual(atFirst);
    access("write", 5 * PMD_SIZE);
    expect(leaves()).toEqual(written);
    slot(PUD_SIZE);
    access("read", 7 * PMD_SIZE + PAGE_SIZE);
    access("write", 7 * PMD_SIZE + PAGE_SIZE);
    expect(leaves()).toEqual(["1: 262144 R W PXNUXN AF BLK"]);
    expect(mmu.pgt.tables.pages).toBe(2);
  });
});

describe("KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE", () => {
  const CAP = "KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE";

  test("takes sizes of entries, before there are memslots", () => {
    const { kvm, map, slot } = vm();
    const set = (size: bigint) => `${enableCap(kvm, CAP, 0, [size])}`;
    expect(checkExtension(kvm.module, kvm, CAP)).toBe(0);
    expect(checkExtension(kvm.module, kvm, "KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES")).toBe(0x4020_1000);
    expect([set(0x1000n), set(0x20_0000n), set(0x4000_0000n)]).toEqual(["0", "0", "0"]);
    expect(checkExtension(kvm.module, kvm, CAP)).toBe(0x4000_0000);
    for (const size of [1n, 0x2000n, 0x20_1000n, 1n << 39n]) expect(set(size)).toContain("EINVAL");
    map(PAGE_SIZE);
    slot(PAGE_SIZE);
    expect(set(0x1000n)).toContain("the VM has memslots");
  });
});

test("an atomic access that memory does not support never ends on guest_memfd: gmem_abort() maps what is mapped", () => {
  const { kvm, vmm, mmu, vcpu, slot, access } = vm();
  const guestMemfd = ok(gmemCreate(kvm, vmm, { size: PAGE_SIZE, flags: 3 }));
  slot(PAGE_SIZE, { flags: KVM_MEM_GUEST_MEMFD, guestMemfd });
  access("write");
  expect(() => mmu.access(vcpu, GPA, "write", 7, { unsupportedAtomic: true })).toThrow(LivelockError);
});

test("memory that only the host wrote to is mapped as the host maps it", () => {
  const { vmm, map, slot, access, leaves } = vm();
  map(2 * PAGE_SIZE);
  slot(2 * PAGE_SIZE);
  hostAccess(vmm, RAM, 1);
  access("read");
  access("read", PAGE_SIZE);
  // The second page is the zero page: a write takes a page of its own.
  expect(leaves()).toEqual(["3: 1 R W PXNUXN AF", "3: 1 R PXNUXN AF"]);
  expect(access("write", PAGE_SIZE).faults.map(({ kind }) => kind)).toEqual(["permission", "translation"]);
  expect(leaves()).toEqual(["3: 2 R W PXNUXN AF"]);
});
