import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { kvmm } from "./fake-context.js";

const qemu = fileURLToPath(
  new URL("../../../packages/traces/test-data/strace/qemu-pc-256m.strace", import.meta.url),
);

test("explain says of a call which function refuses it, why, and what it would accept", async () => {
  const { status, stdout, stderr } = await kvmm([
    "explain",
    "KVM_SET_USER_MEMORY_REGION",
    "slot=0",
    "memory_size=4p",
    "userspace_addr=0x1001",
  ]);
  expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  expect(stdout).toBe(
    [
      "KVM_SET_USER_MEMORY_REGION(slot 0, memory_size 4p, userspace_addr 0x1001)",
      "  EINVAL from kvm_set_memory_region()",
      "  because    userspace_addr 0x1001 is not page-aligned",
      "  accepted   a multiple of the page size, 4096",
      "",
      "Memory of the guest (Linux 7.2, arm64)",
      "  none",
      "",
    ].join("\n"),
  );
});

test("explain makes several calls, with flags as in C and names for what they return", async () => {
  const words = [
    "explain",
    "KVM_CREATE_GUEST_MEMFD",
    "size=4p",
    "flags=GUEST_MEMFD_FLAG_MMAP|GUEST_MEMFD_FLAG_INIT_SHARED",
    "as=gmem",
    "KVM_SET_USER_MEMORY_REGION2",
    "flags=KVM_MEM_GUEST_MEMFD",
    "memory_size=4p",
    "guest_memfd=gmem",
  ];
  const { status, stdout } = await kvmm([...words, "--json"]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    kernel: "7.2",
    arch: "arm64",
    calls: [{ outcome: "accepted" }, { outcome: "accepted" }],
    map: { slots: [{ slot: 0, gpa: 0, size: 16384, flags: "KVM_MEM_GUEST_MEMFD" }] },
  });
});

test("explain asks the architecture and the kernel that are chosen", async () => {
  const call = ["explain", "KVM_SET_MEMORY_ATTRIBUTES", "address=0", "size=1p", "attributes=0"];
  expect((await kvmm(call)).stdout).toContain("EINVAL from kvm_arch_vm_ioctl()");
  expect((await kvmm([...call, "--arch", "x86", "--kernel", "7.3"])).status).toBe(0);
});

test("explain reads a VMM's strace: its refusals, and the memory of its VM", async () => {
  const { status, stdout, stderr } = await kvmm(["explain", qemu], { columns: 140 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("2742 calls in 2773 lines, held against Linux 7.2 on x86");
  expect(stdout).toContain("E2BIG from kvm_dev_ioctl_get_cpuid()");
  expect(stdout).toContain("(6 times)");
  expect(stdout).toContain("Memory of the VM at descriptor 8, made at line 295");
  expect(stdout).toMatch(/0x100000-0x10000000 +5 +255M +0x7f69b3f00000 +0 +anonymous memory/);
  expect(stdout).toMatch(/0xfffc0000-0x100000000 +1 +256K +0x7f69c9a00000 +KVM_MEM_READONLY/);
  expect(stdout).not.toContain("not explained");
});

test("explain --json of a strace has the same; a refusal that is not explained ends it with 1", async () => {
  const stdin = [
    "ioctl(3, KVM_CREATE_VM, 0) = 8",
    "ioctl(8, KVM_SET_USER_MEMORY_REGION, {slot=0, flags=0, guest_phys_addr=0, memory_size=5, userspace_addr=0x7f0000000000}) = -1 EINVAL (Invalid argument)",
    "ioctl(8, KVM_SET_GSI_ROUTING, 0x7ffe00000000) = -1 ENXIO (No such device or address)",
    "garbage",
  ].join("\n");
  const { status, stdout } = await kvmm(["explain", "-", "--json"], { stdin });
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    refusals: [
      {
        line: 2,
        errno: "EINVAL",
        why: { fn: "kvm_set_memory_region", reason: "memory_size 0x5 is not page-aligned" },
      },
      { line: 3, errno: "ENXIO", unexplained: "the call is not about memory, and not modelled" },
    ],
    problems: [{ line: 4, problem: "is no system call: garbage" }],
  });
});

test("explain follows threads, forks, files and several VMs of a strace, and passes over what makes no sense", async () => {
  const region = (slot: number, gpa: string, at: string, more = "flags=0") =>
    `{slot=${slot}, ${more}, guest_phys_addr=${gpa}, memory_size=4194304, userspace_addr=${at}}`;
  const stdin = [
    '100 execve("/usr/bin/vmm", ["vmm"], 0x7ffd /* 20 vars */) = 0',
    '100 openat(AT_FDCWD, "/dev/kvm", O_RDWR|O_CLOEXEC) = 3</dev/kvm>',
    "100 ioctl(3</dev/kvm>, KVM_CREATE_VM, 0 <unfinished ...>",
    '101 memfd_create("ram", MFD_CLOEXEC) = 7',
    "100 <... ioctl resumed>)              = 5<anon_inode:kvm-vm>",
    "101 ftruncate(7, 8388608)             = 0",
    "101 mmap(NULL, 8388608, PROT_READ|PROT_WRITE, MAP_SHARED, 7, 0) = 0x7f0000000000",
    `100 ioctl(5, KVM_SET_USER_MEMORY_REGION, ${region(0, "0", "0x7f0000000000")}) = 0`,
    `100 ioctl(5, KVM_SET_USER_MEMORY_REGION, ${region(1, "0x200000", "0x7f0000000000")}) = -1 EEXIST (File exists)`,
    `100 ioctl(5, KVM_SET_USER_MEMORY_REGION, ${region(1, "0x400000", "0x7f0000201000")}) = 0`,
    "100 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, exit_signal=0} => {parent_tid=[101]}, 88) = 101",
    "100 fork() = 102",
    `102 ioctl(5, KVM_SET_USER_MEMORY_REGION, ${region(2, "0x800000", "0x7f0000000000")}) = -1 EIO (Input/output error)`,
    "102 munmap(0x7f0000000000, 8388608) = 0",
    "100 ioctl(3, KVM_CREATE_VM, 0) = 6",
    "100 ioctl(5, KVM_IOEVENTFD, {datamatch=0, addr=0, len=2, fd=9, flags=0}) = 0",
    "100 ioctl(5, KVM_SET_USER_MEMORY_REGION, {slot=9, fla",
    "100 close(6) = 0",
    "101 ioctl(5, KVM_RUN <unfinished ...>",
    "101 +++ exited with 0 +++",
  ].join("\n");
  const { status, stdout } = await kvmm(["explain", "-", "--arch", "x86"], { stdin, columns: 200 });
  expect(status).toBe(0);
  expect(stdout).toContain("EEXIST from kvm_check_memslot_overlap()");
  expect(stdout).toContain("EIO from kvm_vm_ioctl()");
  expect(stdout).toContain("line 17 is no system call");
  expect(stdout).toContain("Memory of the VM at descriptor 5, made at line 5\n");
  expect(stdout).toMatch(/0x0-0x400000 +0 +4M +0x7f0000000000 +0 +shared mapping of memfd "ram"/);
  expect(stdout).toContain("slot 1: guest_phys_addr and userspace_addr differ in their offset into 2 MiB");
  expect(stdout).toContain("slots 0 and 1 share user memory");
  expect(stdout).toContain("Memory of the VM at descriptor 6, made at line 15, destroyed at line 18\n");
  expect(stdout).not.toContain("not explained");
});

test.each([
  [["explain", "KVM_SET_USER_MEMRY_REGION"], /unknown call "KVM_SET_USER_MEMRY_REGION"; did you mean/],
  [["explain", "nothing.strace"], /nothing\.strace: does not exist/],
  [["explain", qemu, "more"], /one file at a time/],
  [["explain", "munmap", "lengh=4p"], /munmap has no argument "lengh"; did you mean "length"/],
  [["explain", "munmap", "addr"], /"addr" is neither a call nor name=value/],
  [["explain", "-"], /standard input is not what strace prints: it is empty/],
])("explain: %j is a mistake, told in one line", async (args, message) => {
  const { status, stdout, stderr } = await kvmm(args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("explain --help has examples", async () => {
  const { status, stdout } = await kvmm(["explain", "--help"]);
  expect(status).toBe(0);
  for (const part of ["Examples:", "--json", "--color <when>"]) expect(stdout).toContain(part);
});
