import { close, isRefusal, NotModelled, type Result } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  checkExtension,
  createVcpu,
  enableCap,
  KvmModule,
  kvmIoctl,
  openKvm,
  referenceArchitecture,
} from "../index.js";
import { Machine, ok } from "../testing/machine.js";

const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : "fine");

describe("KVM_CREATE_VCPU", () => {
  test("refuses an id that the VM has, and one that no VM can have", () => {
    const m = new Machine();
    expect(errno(createVcpu(m.kvm, m.task, 0))).toBe("EEXIST");
    expect(errno(createVcpu(m.kvm, m.task, 512))).toBe("EINVAL");
    expect(errno(createVcpu(m.kvm, m.task, 2n ** 64n - 1n))).toBe("EINVAL");
    expect(errno(createVcpu(m.kvm, m.task, 511))).toBe("fine");
    const x86 = new Machine(undefined, "x86");
    expect(errno(createVcpu(x86.kvm, x86.task, 4095))).toBe("fine");
    expect(errno(createVcpu(x86.kvm, x86.task, 4096))).toBe("EINVAL");
  });

  test("refuses more vCPUs than a VM can have before it looks whether the id is taken", () => {
    const m = new Machine();
    for (let id = 1; id < 512; id++) ok(createVcpu(m.kvm, m.task, id));
    expect(errno(createVcpu(m.kvm, m.task, 7))).toBe("EINVAL");
  });

  test("a descriptor that is closed does not give the id back", () => {
    const m = new Machine();
    const kvm = openKvm(m.task, m.kvm.module);
    const vm = (kvmIoctl(m.task, kvm, { request: "KVM_CREATE_VM" }) as { ret: number }).ret;
    const create = () => kvmIoctl(m.task, vm, { request: "KVM_CREATE_VCPU", id: 3 });
    close(m.task, (create() as { ret: number }).ret);
    expect(errno(create())).toBe("EEXIST");
  });

  test("and everything else of a VM fails with EIO once KVM found a bug in itself", () => {
    const m = new Machine();
    const kvm = openKvm(m.task, m.kvm.module);
    const vm = (kvmIoctl(m.task, kvm, { request: "KVM_CREATE_VM" }) as { ret: number }).ret;
    const created = m.kvm.module.vms.peek().at(-1)!;
    created.bug("kvm_mmu_invalidate_end", "a test");
    expect(errno(kvmIoctl(m.task, vm, { request: "KVM_CREATE_VCPU", id: 0 }))).toBe("EIO");
    expect(errno(kvmIoctl(m.task, vm, { request: "KVM_SET_USER_MEMORY_REGION2", arg: { argp: 0 } }))).toBe(
      "EIO",
    );
  });
});

test.each([
  ["arm64", "EINVAL"],
  ["x86", "ENOTTY"],
] as const)("a VM on %s refuses requests that it does not know with %s", (arch, expected) => {
  const m = new Machine(undefined, arch);
  const kvm = openKvm(m.task, m.kvm.module);
  const vm = ok(kvmIoctl(m.task, kvm, { request: "KVM_CREATE_VM" })).ret;
  expect(errno(kvmIoctl(m.task, vm, { request: "KVM_CREATE_VM" }))).toBe(expected);
  expect(errno(kvmIoctl(m.task, vm, { request: "KVM_PRE_FAULT_MEMORY", arg: { argp: 0 } }))).toBe(expected);
});

describe("KVM_CHECK_EXTENSION", () => {
  const asked = (m: Machine, extension: string, device = false) =>
    checkExtension(m.kvm.module, device ? null : m.kvm, extension);

  test("knows what memory every VM can have", () => {
    const arm64 = new Machine();
    const x86 = new Machine(undefined, "x86");
    const both: readonly (readonly [string, number, number])[] = [
      ["KVM_CAP_USER_MEMORY", 1, 1],
      ["KVM_CAP_USER_MEMORY2", 1, 1],
      ["KVM_CAP_SYNC_MMU", 1, 1],
      ["KVM_CAP_NR_MEMSLOTS", 32767, 32764],
      ["KVM_CAP_READONLY_MEM", 1, 1],
      ["KVM_CAP_MULTI_ADDRESS_SPACE", 0, 2],
      ["KVM_CAP_GUEST_MEMFD", 1, 1],
      ["KVM_CAP_GUEST_MEMFD_FLAGS", 3, 3],
      ["KVM_CAP_MEMORY_ATTRIBUTES", 0, 0],
      ["KVM_CAP_PRE_FAULT_MEMORY", 0, 1],
      ["KVM_CAP_MEMORY_FAULT_INFO", 0, 1],
      ["KVM_CAP_VM_TYPES", 0, 3],
      ["KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", 3, 3],
      ["KVM_CAP_DIRTY_LOG_RING", 0, 0x10_0000],
      ["KVM_CAP_DIRTY_LOG_RING_ACQ_REL", 0x10_0000, 0x10_0000],
      ["KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP", 1, 0],
    ];
    for (const [extension, ofArm64, ofX86] of both)
      expect([extension, asked(arm64, extension), asked(x86, extension)]).toEqual([
        extension,
        ofArm64,
        ofX86,
      ]);
  });

  test("tells of a protected VM that it has one address space, private memory, and none that is shared at first", () => {
    const m = new Machine(undefined, "x86", 1);
    expect(asked(m, "KVM_CAP_MULTI_ADDRESS_SPACE")).toBe(1);
    expect(asked(m, "KVM_CAP_MULTI_ADDRESS_SPACE", true)).toBe(2);
    expect(asked(m, "KVM_CAP_MEMORY_ATTRIBUTES")).toBe(8);
    expect(asked(m, "KVM_CAP_GUEST_MEMFD_FLAGS")).toBe(1);
  });

  test("does not guess about what is not memory", () => {
    expect(() => asked(new Machine(), "KVM_CAP_IRQCHIP")).toThrow(NotModelled);
  });
});

describe("KVM_ENABLE_CAP", () => {
  const ring = (m: Machine, size: number | bigint, cap = "KVM_CAP_DIRTY_LOG_RING_ACQ_REL") =>
    enableCap(m.kvm, cap, 0, [size]);

  test("refuses dirty rings as the kernel does, and does not guess at those it takes", () => {
    const m = new Machine();
    for (const [size, expected] of [
      [0, "EINVAL"],
      [4097, "EINVAL"],
      [2048, "EINVAL"],
      [0x20_0000, "E2BIG"],
      // The size is an int to the kernel, and the vCPU is there already.
      [2n ** 32n + 4096n, "EINVAL"],
      [4096, "EINVAL"],
    ] as const)
      expect([size, errno(ring(m, size))]).toEqual([size, expected]);
    expect(errno(ring(m, 4096, "KVM_CAP_DIRTY_LOG_RING"))).toBe("EINVAL");
    const module = new KvmModule(m.host, { architecture: referenceArchitecture() });
    const empty = ok(module.createVm(m.task));
    expect(() => enableCap(empty, "KVM_CAP_DIRTY_LOG_RING_ACQ_REL", 0, [4096])).toThrow(NotModelled);
  });

  test("does not guess about what is not memory, and refuses what cannot be enabled", () => {
    const m = new Machine();
    expect(() => enableCap(m.kvm, "KVM_CAP_HALT_POLL", 0, [0])).toThrow(NotModelled);
    expect(errno(enableCap(m.kvm, "KVM_CAP_USER_MEMORY", 0, []))).toBe("EINVAL");
  });
});
