import { expect, test } from "vitest";
import { explainTrace } from "./explain-trace.js";
import { begun, flags, gmem, number, RAM, Trace } from "./testing/trace.js";
import type { TracedValue } from "./traced-call.js";

test("a refusal is explained with the descriptors of the trace", () => {
  const trace = gmem(begun(), "GUEST_MEMFD_FLAG_MMAP")
    .mmap(9, "EINVAL", "MAP_PRIVATE")
    .mmap(9, RAM)
    .region({ flags: "KVM_MEM_GUEST_MEMFD", guest_memfd: 9, userspace_addr: RAM }, 0)
    .region({ slot: 1, userspace_addr: RAM }, "EEXIST");
  const { arch, refusals, differences, maps } = explainTrace(trace.calls);
  expect({ arch, differences }).toEqual({ arch: "arm64", differences: [] });
  expect(refusals.map(({ line, errno, why }) => [line, errno, why?.fn, why?.reason.slice(0, 48)])).toEqual([
    [3, "EINVAL", "kvm_gmem_mmap", "a private mapping"],
    [6, "EEXIST", "kvm_check_memslot_overlap", "gfn 0x80000 to 0x80004 overlaps slot 0 (gfn 0x80"],
  ]);
  expect(maps).toMatchObject([
    { vm: 5, line: 1, slots: [{ slot: 0, gpa: 0x8000_0000, size: 0x4000, flags: "KVM_MEM_GUEST_MEMFD" }] },
  ]);
});

test("the same refusal is told once, with how often it was", () => {
  const trace = begun().region({ memory_size: 5 }, "EINVAL").region({ memory_size: 5 }, "EINVAL");
  expect(explainTrace(trace.calls).refusals).toMatchObject([
    { line: 2, count: 2, why: { fn: "kvm_set_memory_region" } },
  ]);
});

test("a refusal for which the model knows no reason says so, and leaves no trace in the map", () => {
  const trace = begun().region({ userspace_addr: RAM }, "ENOMEM");
  const { refusals, maps } = explainTrace(trace.calls);
  expect(refusals[0]?.unexplained).toMatch(/the model accepts it/);
  expect(maps[0]?.slots).toEqual([]);
});

test("what the kernel accepted and the model does not is told, and the rest goes on", () => {
  const trace = begun().region({ memory_size: 5 }, 0).mmap(4, RAM).region({ userspace_addr: RAM }, 0);
  const { differences, maps } = explainTrace(trace.calls);
  expect(differences).toMatchObject([
    { line: 2, differs: expect.stringContaining("EINVAL, kvm_set_memory_region") },
  ]);
  expect(maps[0]?.slots).toHaveLength(1);
});

test("a VM from before the trace is taken to be there; nothing behind a memslot is noted", () => {
  const { maps } = explainTrace(new Trace().region({ userspace_addr: RAM }, 0).calls);
  expect(maps).toHaveLength(1);
  expect(maps[0]).not.toHaveProperty("line");
  expect(maps[0]).toMatchObject({
    slots: [{ backing: "nothing is mapped there" }],
    notes: [
      "slot 0: nothing is mapped at 0x7f0000000000; a guest that comes there makes KVM_RUN fail with EFAULT",
    ],
  });
});

test("user memory that two memslots share is noted", () => {
  const trace = begun()
    .call(
      "mmap",
      [
        number(0),
        number(0x4000),
        flags("PROT_READ"),
        flags("MAP_PRIVATE", "MAP_ANONYMOUS"),
        number(-1),
        number(0),
      ],
      RAM,
    )
    .region({ userspace_addr: RAM }, 0)
    .region({ slot: 1, guest_phys_addr: 0, userspace_addr: RAM, flags: "KVM_MEM_READONLY" }, 0);
  expect(explainTrace(trace.calls).maps[0]?.notes).toEqual([
    "slot 1: a write of the guest exits as KVM_EXIT_MMIO",
    "slot 0: what is mapped at 0x7f0000000000 is not writable; a guest that writes there makes KVM_RUN fail with EFAULT",
    "slots 1 and 0 share user memory: an invalidation of it reaches both",
  ]);
});

test("ioctls that older straces only number are known; their arguments are not", () => {
  const request: TracedValue = { kind: "text", text: "_IOC(_IOC_WRITE, 0xae, 0x49, 0xa0)" };
  const trace = begun().call("ioctl", [number(5), request, number(0x7ffe0000)], "EINVAL");
  expect(explainTrace(trace.calls).refusals).toMatchObject([
    {
      call: "KVM_SET_USER_MEMORY_REGION2",
      unexplained: "strace has not decoded its argument; a newer strace may",
    },
  ]);
});

test("an x86 trace is held against x86: by what only x86 has", () => {
  const trace = begun().ioctl(5, "KVM_SET_TSS_ADDR", number(0xfffbd000), 0).region({ slot: 0x10000 }, 0);
  expect(explainTrace(trace.calls)).toMatchObject({
    arch: "x86",
    differences: [],
    maps: [{ slots: [{ addressSpace: 1 }] }],
  });
});
