import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { explainTrace } from "./explain-trace.js";
import { begun, flags, gmem, number, RAM, struct, Trace, text } from "./testing/trace.js";
import type { TracedCall, TracedValue } from "./traced-call.js";

const explained = (trace: Trace) => explainTrace(trace.calls);
const GMEM = { flags: "KVM_MEM_GUEST_MEMFD", guest_memfd: 9 };

/** mmap of anonymous memory, or of a file. */
function map(
  trace: Trace,
  at: number,
  length = 0x4000,
  fd = -1,
  kind = fd < 0 ? "MAP_ANONYMOUS" : "",
): Trace {
  const kinds = [fd < 0 ? "MAP_PRIVATE" : "MAP_SHARED", kind].filter((name) => name !== "");
  const prot = flags("PROT_READ", "PROT_WRITE");
  return trace.call("mmap", [number(0), number(length), prot, flags(...kinds), number(fd), number(0)], at);
}

describe("the memory map of a trace", () => {
  test("has the files by the names that the trace opened them by", () => {
    const trace = begun()
      .call("memfd_create", [text("guest-ram"), flags("MFD_CLOEXEC")], 7)
      .call("ftruncate", [number(7), number(0x4000)], 0)
      .call("openat", [flags("AT_FDCWD"), text("/dev/shm/rom"), flags("O_RDWR")], 8);
    map(map(trace, RAM, 0x4000, 7), RAM + 0x10_0000, 0x4000, 8)
      .region({ userspace_addr: RAM }, 0)
      .region({ slot: 1, guest_phys_addr: 0, userspace_addr: RAM + 0x10_0000 }, 0);
    expect(explained(trace).maps[0]?.slots.map(({ slot, backing }) => [slot, backing])).toEqual([
      [1, "shared mapping of /dev/shm/rom"],
      [0, 'shared mapping of memfd "guest-ram"'],
    ]);
  });

  test("follows memory that mremap moves, and what munmap and mprotect leave of it", () => {
    const trace = map(begun(), RAM)
      .call("mremap", [number(RAM), number(0x4000), number(0x4000), flags("MREMAP_MAYMOVE")], RAM + 0x100000)
      .region({ userspace_addr: RAM }, 0)
      .region({ slot: 1, guest_phys_addr: 0, userspace_addr: RAM + 0x100000 }, 0)
      .call("munmap", [number(RAM + 0x102000), number(0x2000)], 0)
      .call("mprotect", [number(RAM + 0x100000), number(0x1000), flags("PROT_READ")], 0);
    expect(explained(trace)).toMatchObject({
      differences: [],
      maps: [
        {
          notes: [
            "slot 1: nothing is mapped at 0x7f0000102000; a guest that comes there makes KVM_RUN fail with EFAULT",
            "slot 1: what is mapped at 0x7f0000100000 is not writable; a guest that writes there makes KVM_RUN fail with EFAULT",
            "slot 0: nothing is mapped at 0x7f0000000000; a guest that comes there makes KVM_RUN fail with EFAULT",
          ],
        },
      ],
    });
  });

  test("tells where a guest_memfd's slot maps other memory, where it is not to be touched, and where it is closed", () => {
    const other = map(gmem(begun(), "GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED"), RAM);
    other.region({ ...GMEM, userspace_addr: RAM }, 0);
    expect(explained(other).maps[0]?.notes).toEqual([
      "slot 0: userspace_addr maps other memory than the guest has from the guest_memfd (at 0x7f0000000000): the VMM does not see what the guest writes there",
    ]);
    const untouchable = map(gmem(begun(), "GUEST_MEMFD_FLAG_MMAP"), RAM, 0x4000, 9);
    untouchable.region({ ...GMEM, userspace_addr: RAM }, 0);
    expect(explained(untouchable).maps[0]?.notes).toEqual([
      "slot 0: its guest_memfd is mapped, but was made without GUEST_MEMFD_FLAG_INIT_SHARED: the VMM gets SIGBUS there",
    ]);
    const closed = gmem(begun(), "GUEST_MEMFD_FLAG_MMAP")
      .region(GMEM, 0)
      .call("close", [number(9)], 0);
    expect(explained(closed).maps[0]?.slots[0]?.backing).toMatch(/^a guest_memfd that is closed/);
  });

  test("keeps a guest_memfd of which another descriptor is left", () => {
    const trace = gmem(begun(), "GUEST_MEMFD_FLAG_MMAP")
      .call("fcntl", [number(9), flags("F_DUPFD_CLOEXEC"), number(0)], 20)
      .region(GMEM, 0)
      .call("close", [number(9)], 0)
      .call("dup2", [number(20), number(9)], 9)
      .call("close", [number(20)], 0);
    expect(explained(trace).maps[0]?.slots[0]?.backing).toMatch(/^guest_memfd from offset 0x0 on/);
  });

  test("tells of memory that no huge page can be mapped of", () => {
    const trace = map(begun(), RAM, 0x80_0000).region(
      { memory_size: 0x40_0000, userspace_addr: RAM + 0x1000 },
      0,
    );
    expect(explained(trace).maps[0]?.notes).toEqual([
      "slot 0: guest_phys_addr and userspace_addr differ in their offset into 2 MiB (0x0 and 0x1000), so that huge pages are mapped page by page",
    ]);
  });

  test("is told of each VM, also of one that is gone, as it was before", () => {
    const trace = map(begun(), RAM)
      .region({ userspace_addr: RAM }, 0)
      .ioctl(3, "KVM_CREATE_VM", number(0), 6)
      .ioctl(5, "KVM_CREATE_VCPU", number(0), 10)
      .call("close", [number(5)], 0)
      .call("close", [number(10)], 0);
    expect(explained(trace).maps).toMatchObject([
      { vm: 5, line: 1, destroyed: 7, slots: [{ slot: 0, backing: "anonymous memory" }] },
      { vm: 6, line: 4, slots: [] },
    ]);
  });
});

describe("a thread of a trace", () => {
  const CLONE = flags("CLONE_VM", "CLONE_FS", "CLONE_FILES", "CLONE_THREAD");

  test("that shares the VMM's memory is the VMM, also where strace shows it before clone returns", () => {
    const trace = map(begun().by(100), RAM).by(101).region({ userspace_addr: RAM }, 0);
    trace.by(100).call("clone", [number(0), CLONE], 101);
    expect(explained(trace)).toMatchObject({ refusals: [], maps: [{ notes: [] }] });
  });

  test("that was forked has memory of its own, and may not use the VM", () => {
    const trace = map(new Trace().by(100).ioctl(3, "KVM_CREATE_VM", number(0), 5), RAM)
      .call("fork", [], 101)
      .by(101)
      .call("munmap", [number(RAM), number(0x4000)], 0)
      .region({ userspace_addr: RAM }, "EIO");
    trace.by(100).region({ userspace_addr: RAM }, 0);
    expect(explained(trace)).toMatchObject({
      refusals: [{ line: 5, errno: "EIO", why: { fn: "kvm_vm_ioctl", accepted: "that process" } }],
      maps: [{ slots: [{ backing: "anonymous memory" }], notes: [] }],
    });
  });

  test("that runs another program is followed no more", () => {
    const trace = map(new Trace().by(100).ioctl(3, "KVM_CREATE_VM", number(0), 5), RAM)
      .region({ userspace_addr: RAM }, 0)
      .call("vfork", [], 101)
      .by(101)
      .call("execve", [text("/bin/true")], 0)
      .call("munmap", [number(RAM), number(0x4000)], 0);
    expect(explained(trace).maps[0]?.notes).toEqual([]);
  });
});

describe("refusals of a trace are explained", () => {
  test("of KVM_CREATE_VCPU, dirty logs and capabilities, where strace decodes what they are given", () => {
    const log = (request: string, fields: Readonly<Record<string, TracedValue>>, result: number | string) =>
      trace.ioctl(5, request, struct(fields), result);
    const trace = map(begun(), RAM)
      .ioctl(5, "KVM_CREATE_VCPU", number(0), 10)
      .ioctl(5, "KVM_CREATE_VCPU", number(0), "EEXIST");
    log(
      "KVM_ENABLE_CAP",
      {
        cap: flags("KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2"),
        flags: number(0),
        args: { kind: "list", items: [number(2)] },
      },
      "EINVAL",
    );
    log("KVM_GET_DIRTY_LOG", { slot: number(0), dirty_bitmap: number(RAM) }, "ENOENT");
    trace.region({ userspace_addr: RAM, flags: "KVM_MEM_LOG_DIRTY_PAGES" }, 0);
    log("KVM_GET_DIRTY_LOG", { slot: number(0), dirty_bitmap: number(RAM) }, 0);
    log(
      "KVM_CLEAR_DIRTY_LOG",
      { slot: number(0), num_pages: number(1), first_page: number(0), dirty_bitmap: number(RAM) },
      "EINVAL",
    );
    const { refusals, differences } = explained(trace);
    expect(differences).toEqual([]);
    expect(refusals.map(({ errno, why }) => `${errno} ${why?.fn}`)).toEqual([
      "EEXIST kvm_vm_ioctl_create_vcpu",
      "EINVAL kvm_vm_ioctl_enable_cap_generic",
      "ENOENT kvm_get_dirty_log_protect",
      "EINVAL kvm_clear_dirty_log_protect",
    ]);
  });

  test("of a guest_memfd as a file", () => {
    const trace = gmem(begun(), "GUEST_MEMFD_FLAG_MMAP")
      .call("ftruncate", [number(9), number(0x8000)], "EINVAL")
      .call("fallocate", [number(9), flags("FALLOC_FL_PUNCH_HOLE"), number(0), number(0x1000)], "EOPNOTSUPP")
      .call(
        "fallocate",
        [number(9), flags("FALLOC_FL_KEEP_SIZE", "FALLOC_FL_PUNCH_HOLE"), number(0), number(0x1000)],
        0,
      );
    const { refusals, differences } = explained(trace);
    expect(differences).toEqual([]);
    expect(refusals.map(({ why }) => why?.fn)).toEqual(["kvm_gmem_setattr", "vfs_fallocate"]);
  });

  test("of mremap; what a file system that nobody knows refuses is left open", () => {
    const trace = map(begun(), RAM)
      .call("mremap", [number(RAM), number(0x4000), number(0), flags("MREMAP_MAYMOVE")], "EINVAL")
      .call("openat", [flags("AT_FDCWD"), text("/mnt/ram"), flags("O_RDWR")], 8)
      .call("fallocate", [number(8), number(0), number(0), number(4096)], "EOPNOTSUPP");
    const [moved, allocated] = explained(trace).refusals;
    expect(moved?.why?.reason).toMatch(/size/);
    expect(allocated?.unexplained).toMatch(/not modelled/);
  });
});

test("nothing that a trace may hold stops it", () => {
  const value: fc.Arbitrary<TracedValue> = fc.oneof(
    fc
      .constantFrom(
        0n,
        1n,
        3n,
        5n,
        9n,
        4096n,
        BigInt(RAM),
        1n << 47n,
        1n << 63n,
        (1n << 64n) - 1n,
        -1n,
        -4096n,
      )
      .map(number),
    fc
      .subarray([
        "MAP_SHARED",
        "MAP_PRIVATE",
        "MAP_ANONYMOUS",
        "PROT_READ",
        "MREMAP_MAYMOVE",
        "CLONE_VM",
        "MADV_DONTNEED",
        "X",
      ])
      .map((names) => flags(...names)),
    fc.constantFrom(text("/dev/kvm"), text("x"), { kind: "text", text: "?" } as const),
  );
  const fields = fc.dictionary(
    fc.constantFrom(
      "slot",
      "flags",
      "guest_phys_addr",
      "memory_size",
      "userspace_addr",
      "guest_memfd",
      "size",
      "cap",
    ),
    value,
  );
  const request = fc.constantFrom(
    "KVM_CREATE_VM",
    "KVM_CREATE_VCPU",
    "KVM_SET_USER_MEMORY_REGION2",
    "KVM_CREATE_GUEST_MEMFD",
    "KVM_GET_DIRTY_LOG",
    "KVM_ENABLE_CAP",
    "KVM_IOEVENTFD",
  );
  const result = fc.oneof(
    fc.constantFrom<bigint | string>("EINVAL", "EIO", 0n, 5n, 9n, 101n, BigInt(RAM), (1n << 64n) - 1n),
  );
  const name = fc.constantFrom(
    ...[
      "mmap",
      "munmap",
      "mremap",
      "mprotect",
      "madvise",
      "close",
      "dup2",
      "fcntl",
      "fork",
      "clone",
      "execve",
    ],
    ...["memfd_create", "openat", "ftruncate", "fallocate"],
  );
  const pid = fc.constantFrom(undefined, 100, 101, 0);
  const call = fc.oneof(
    fc.record({ name, args: fc.array(value, { maxLength: 6 }), result, pid }),
    fc.record({
      name: fc.constant("ioctl"),
      args: fc.tuple(
        value,
        request.map((asked) => flags(asked)),
        fc.oneof(fields.map(struct), value),
      ),
      result,
      pid,
    }),
  );
  fc.assert(
    fc.property(fc.array(call, { maxLength: 40 }), (all) => {
      const calls = all.map(
        ({ name: called, args, result: given, pid: thread }, at): TracedCall => ({
          line: at + 1,
          name: called,
          args,
          text: `${called}(CLONE_VM F_DUPFD)`,
          pid: thread,
          ret: typeof given === "bigint" ? given : undefined,
          errno: typeof given === "string" ? given : undefined,
        }),
      );
      expect(explainTrace(calls).calls).toBe(calls.length);
    }),
    { numRuns: 300 },
  );
});
