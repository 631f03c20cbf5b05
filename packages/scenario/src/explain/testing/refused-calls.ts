import { describe, expect, test } from "vitest";
import type { Architecture } from "../../format/machine.js";
import { readScenario } from "../../read/scenario.js";
import { explainCalls } from "../explain-calls.js";

type Args = Readonly<Record<string, unknown>>;
type Call = readonly [call: string, args: Args, as?: string];

const SLOT = { slot: 0, guest_phys_addr: "0x80000000", memory_size: "4p", userspace_addr: "0x200000000000" };
const GMEM = { flags: ["KVM_MEM_GUEST_MEMFD"], guest_memfd: "gmem" };
const slot = (args: Args = {}): Call => ["KVM_SET_USER_MEMORY_REGION2", { ...SLOT, ...args }];
const gmem = (...flags: string[]): Call => ["KVM_CREATE_GUEST_MEMFD", { size: "4p", flags }, "gmem"];
const mappable = gmem("GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED");

/** Why the last of some calls is refused, the others being accepted: `ERRNO function: reason -> what is accepted`. */
function why(calls: readonly Call[], arch: Architecture = "arm64", machine: Args = {}): string {
  const steps = calls.map(([call, args, as]) => ({ call, args, ...(as === undefined ? {} : { as }) }));
  const said = explainCalls(readScenario(JSON.stringify({ machine: { arch, ...machine }, steps })));
  const last = said.calls.at(-1)!;
  for (const before of said.calls.slice(0, -1)) expect(before).toMatchObject({ outcome: "accepted" });
  if (last.refusal === undefined) return last.outcome;
  const { errno, fn, reason, accepted } = last.refusal;
  return `${errno} ${fn}: ${reason}${accepted === undefined ? "" : ` -> ${accepted}`}`;
}

describe("KVM_SET_USER_MEMORY_REGION2 explains", () => {
  test.each<[string, readonly Call[], string]>([
    [
      "sizes that are no whole pages",
      [slot({ memory_size: 5 })],
      "EINVAL kvm_set_memory_region: memory_size 0x5 is not page-aligned -> a multiple of the page size, 4096",
    ],
    [
      "guest addresses that are not aligned",
      [slot({ guest_phys_addr: 1 })],
      "EINVAL kvm_set_memory_region: guest_phys_addr 0x1 is not page-aligned -> a multiple of the page size, 4096",
    ],
    [
      "user addresses that are not aligned",
      [slot({ userspace_addr: 1 })],
      "EINVAL kvm_set_memory_region: userspace_addr 0x1 is not page-aligned -> a multiple of the page size, 4096",
    ],
    [
      "user addresses with a tag",
      [slot({ userspace_addr: "0x100200000000000" })],
      "EINVAL kvm_set_memory_region: userspace_addr 0x100200000000000 has a tag in its top byte -> 0x200000000000",
    ],
    [
      "user addresses of the kernel",
      [slot({ userspace_addr: "0x10000000000000" })],
      "EINVAL kvm_set_memory_region: userspace_addr 0x10000000000000 + memory_size 0x4000 is beyond user space (access_ok) -> ranges that end at or below 0x10000000000000",
    ],
    [
      "flags that nobody knows",
      [slot({ flags: [8] })],
      "EINVAL check_memory_region_flags: unknown flags 0x8 -> KVM_MEM_LOG_DIRTY_PAGES|KVM_MEM_READONLY|KVM_MEM_GUEST_MEMFD",
    ],
    [
      "flags that guest_memfd excludes",
      [mappable, slot({ ...GMEM, flags: ["KVM_MEM_GUEST_MEMFD", "KVM_MEM_READONLY"] })],
      "EINVAL check_memory_region_flags: KVM_MEM_READONLY together with KVM_MEM_GUEST_MEMFD -> KVM_MEM_GUEST_MEMFD alone",
    ],
    [
      "ids that are too high",
      [slot({ slot: 0x7fff })],
      "EINVAL kvm_vm_ioctl_set_memory_region: slot id 32767 (the low 16 bits of slot 0x7fff) is too high -> ids below 32767 (KVM_CAP_NR_MEMSLOTS)",
    ],
    [
      "address spaces that there are not",
      [slot({ slot: 0x10000 })],
      "EINVAL kvm_set_memory_region: address space 1 (the high 16 bits of slot 0x10000) does not exist -> address space 0, the only one",
    ],
    [
      "guest addresses that wrap",
      [slot({ guest_phys_addr: "-1p" })],
      "EINVAL kvm_set_memory_region: guest_phys_addr 0xfffffffffffff000 + memory_size 0x4000 wraps -> a range that ends below 2^64",
    ],
    [
      "memslots that are too large",
      [slot({ memory_size: "0x80000000000" })],
      "EINVAL kvm_set_memory_region: memory_size 0x80000000000 is more than 2147483647 pages -> at most 0x7fffffff000 bytes in one memslot",
    ],
    [
      "guest addresses that the VM does not have",
      [slot({ guest_phys_addr: "0x10000000000" })],
      "EFAULT kvm_arch_prepare_memory_region: guest physical addresses up to 0x10000004000 in a VM with 40 bits of them -> ranges that end at or below 0x10000000000",
    ],
    [
      "overlaps with another memslot",
      [slot(), slot({ slot: 1, guest_phys_addr: "0x80003000" })],
      "EEXIST kvm_check_memslot_overlap: gfn 0x80003 to 0x80007 overlaps slot 0 (gfn 0x80000 to 0x80004, user memory 0x200000000000 to 0x200000004000) -> guest physical addresses that no other memslot has",
    ],
    [
      "deleting what is not there",
      [slot({ memory_size: 0 })],
      "EINVAL kvm_set_memory_region: memory_size 0 deletes, but there is no slot 0 -> the id of a memslot",
    ],
    [
      "other user memory for a memslot that there is",
      [slot(), slot({ userspace_addr: "0x200000001000" })],
      "EINVAL kvm_set_memory_region: slot 0 exists with userspace_addr 0x200000000000, not 0x200000001000 -> the same with another guest_phys_addr or KVM_MEM_LOG_DIRTY_PAGES, or deleting it first",
    ],
    [
      "another size for it",
      [slot(), slot({ memory_size: "8p" })],
      "EINVAL kvm_set_memory_region: slot 0 exists with memory_size 0x4000, not 0x8000 -> the same with another guest_phys_addr or KVM_MEM_LOG_DIRTY_PAGES, or deleting it first",
    ],
    [
      "flags that cannot be changed",
      [slot(), slot({ flags: ["KVM_MEM_READONLY"] })],
      "EINVAL kvm_set_memory_region: slot 0 exists, and KVM_MEM_READONLY cannot be changed -> the same with another guest_phys_addr or KVM_MEM_LOG_DIRTY_PAGES, or deleting it first",
    ],
    [
      "any change of a memslot with guest_memfd",
      [mappable, slot(GMEM), slot({ ...GMEM, guest_phys_addr: "0x90000000" })],
      "EINVAL kvm_set_memory_region: slot 0 exists, and a memslot with KVM_MEM_GUEST_MEMFD takes no change -> deleting it (memory_size 0), and creating it anew",
    ],
    [
      "a structure that is not there",
      [["KVM_SET_USER_MEMORY_REGION2", { argp: 8 }]],
      "EFAULT kvm_vm_ioctl: no memory at 0x8 -> the address of the structure",
    ],
    [
      "the older ioctl with the newer's flags",
      [["KVM_SET_USER_MEMORY_REGION", { ...SLOT, flags: ["KVM_MEM_GUEST_MEMFD"] }]],
      "EINVAL kvm_vm_ioctl: flags KVM_MEM_GUEST_MEMFD, of which KVM_SET_USER_MEMORY_REGION knows not all -> KVM_MEM_LOG_DIRTY_PAGES|KVM_MEM_READONLY, or KVM_SET_USER_MEMORY_REGION2",
    ],
    [
      "a descriptor that is no VM's",
      [slot({ on: 0 })],
      "ENOTTY vfs_ioctl: console knows no KVM_SET_USER_MEMORY_REGION2 -> a descriptor of KVM",
    ],
    [
      "a descriptor that is not open",
      [slot({ on: 9999 })],
      "EBADF ioctl: descriptor 9999 is not open -> a descriptor of KVM",
    ],
  ])("%s", (_, calls, expected) => {
    expect(why(calls)).toBe(expected);
  });
});

describe("binding a guest_memfd explains", () => {
  test.each<[string, readonly Call[], string]>([
    [
      "descriptors that are not open",
      [slot({ ...GMEM, guest_memfd: 9999 })],
      "EBADF kvm_gmem_bind: guest_memfd 9999 is no open descriptor -> a descriptor that KVM_CREATE_GUEST_MEMFD returned",
    ],
    [
      "descriptors of something else",
      [["memfd_create", { flags: [] }, "gmem"], slot(GMEM)],
      "EINVAL kvm_gmem_bind: descriptor 4 is no guest_memfd, but shmem -> a descriptor that KVM_CREATE_GUEST_MEMFD of this VM returned",
    ],
    [
      "a guest_memfd of another VM",
      [
        ["KVM_CREATE_VM", {}, "vm2"],
        ["KVM_CREATE_GUEST_MEMFD", { on: "vm2", size: "4p", flags: [1] }, "gmem"],
        slot(GMEM),
      ],
      "EINVAL kvm_gmem_bind: descriptor 5 is a guest_memfd of another VM -> a descriptor that KVM_CREATE_GUEST_MEMFD of this VM returned",
    ],
    [
      "offsets that are not aligned",
      [mappable, slot({ ...GMEM, guest_memfd_offset: 1 })],
      "EINVAL kvm_set_memory_region: guest_memfd_offset 0x1 is not page-aligned -> a multiple of the page size, 4096",
    ],
    [
      "offsets that wrap",
      [mappable, slot({ ...GMEM, guest_memfd_offset: "-1p" })],
      "EINVAL kvm_set_memory_region: guest_memfd_offset 0xfffffffffffff000 + memory_size 0x4000 wraps -> a range that ends below 2^64",
    ],
    [
      "ranges beyond the file",
      [mappable, slot({ ...GMEM, guest_memfd_offset: "1p" })],
      "EINVAL kvm_gmem_bind: guest_memfd_offset 0x1000 + memory_size 0x4000 is beyond the file's size 0x4000 -> a range within the file",
    ],
    [
      "pages that another memslot has",
      [mappable, slot(GMEM), slot({ ...GMEM, slot: 1, guest_phys_addr: "0x90000000" })],
      "EEXIST kvm_gmem_bind: pages 0 to 4 of the guest_memfd overlap those of slot 0, 0 to 4 -> pages of the file that no memslot is bound to",
    ],
    [
      "on arm64, a guest_memfd that cannot be mapped",
      [gmem(), slot(GMEM)],
      "EINVAL kvm_arch_prepare_memory_region: a guest_memfd that cannot be mapped: it was created without GUEST_MEMFD_FLAG_MMAP -> a guest_memfd with GUEST_MEMFD_FLAG_MMAP",
    ],
  ])("%s", (_, calls, expected) => {
    expect(why(calls)).toBe(expected);
  });
});

describe("the other ioctls explain", () => {
  const logged = slot({ flags: ["KVM_MEM_LOG_DIRTY_PAGES"] });
  const clear = (first_page: number, num_pages: number): Call => [
    "KVM_CLEAR_DIRTY_LOG",
    { slot: 0, first_page, num_pages, dirty_bitmap: "ones" },
  ];

  test.each<[string, readonly Call[], string]>([
    [
      "KVM_CREATE_GUEST_MEMFD: its size",
      [["KVM_CREATE_GUEST_MEMFD", { size: 5 }]],
      "EINVAL kvm_gmem_create: size 0x5 -> a positive multiple of the page size, 4096",
    ],
    [
      "KVM_CREATE_GUEST_MEMFD: its flags",
      [["KVM_CREATE_GUEST_MEMFD", { size: "1p", flags: [4] }]],
      "EINVAL kvm_gmem_create: unknown flags 0x4 -> bits of 0x3 (KVM_CAP_GUEST_MEMFD_FLAGS)",
    ],
    [
      "KVM_GET_DIRTY_LOG: no such memslot",
      [["KVM_GET_DIRTY_LOG", { slot: 3 }]],
      "ENOENT kvm_get_dirty_log_protect: there is no slot 3 -> a memslot with KVM_MEM_LOG_DIRTY_PAGES",
    ],
    [
      "KVM_GET_DIRTY_LOG: a memslot that is not logged",
      [slot(), ["KVM_GET_DIRTY_LOG", { slot: 0 }]],
      "ENOENT kvm_get_dirty_log_protect: slot 0 (gfn 0x80000 to 0x80004, user memory 0x200000000000 to 0x200000004000) is not logged -> a memslot with KVM_MEM_LOG_DIRTY_PAGES",
    ],
    [
      "KVM_GET_DIRTY_LOG: a bitmap that is not there",
      [logged, ["KVM_GET_DIRTY_LOG", { slot: 0, dirty_bitmap: 8 }]],
      "EFAULT kvm_get_dirty_log_protect: no memory at dirty_bitmap 0x8 -> memory for one bit for each page of the memslot",
    ],
    [
      "KVM_CLEAR_DIRTY_LOG: parts of words",
      [logged, clear(1, 3)],
      "EINVAL kvm_clear_dirty_log_protect: first_page 1 -> a multiple of 64",
    ],
    [
      "KVM_CLEAR_DIRTY_LOG: pages beyond the memslot",
      [logged, clear(0, 64)],
      "EINVAL kvm_clear_dirty_log_protect: first_page 0 + num_pages 64 in a memslot of 4 pages -> pages within the memslot",
    ],
    [
      "KVM_ENABLE_CAP: options of manual protection",
      [["KVM_ENABLE_CAP", { cap: "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", args: [2] }]],
      "EINVAL kvm_vm_ioctl_enable_cap_generic: flags 0x0, args[0] 0x2 -> flags 0, and 0, 1 (manual protection) or 3 (with all bits set at first)",
    ],
    [
      "KVM_PRE_FAULT_MEMORY, which arm64 does not have",
      [["KVM_PRE_FAULT_MEMORY", { gpa: 0, size: "1p" }]],
      "EINVAL kvm_arch_vcpu_ioctl: a vCPU of this architecture knows no KVM_PRE_FAULT_MEMORY -> requests of the architecture: KVM_CHECK_EXTENSION tells",
    ],
    [
      "KVM_SET_MEMORY_ATTRIBUTES, which arm64 does not have",
      [["KVM_SET_MEMORY_ATTRIBUTES", { address: 0, size: "1p", attributes: [] }]],
      "EINVAL kvm_arch_vm_ioctl: a VM of this architecture knows no KVM_SET_MEMORY_ATTRIBUTES -> requests of the architecture: KVM_CHECK_EXTENSION tells",
    ],
  ])("%s", (_, calls, expected) => {
    expect(why(calls)).toBe(expected);
  });

  const attributes = (args: Args): Call => [
    "KVM_SET_MEMORY_ATTRIBUTES",
    { address: 0, size: "1p", attributes: ["KVM_MEMORY_ATTRIBUTE_PRIVATE"], ...args },
  ];

  test.each<[string, readonly Call[], number, string]>([
    [
      "KVM_PRE_FAULT_MEMORY: gpa and size",
      [["KVM_PRE_FAULT_MEMORY", { gpa: 1, size: "1p" }]],
      0,
      "EINVAL kvm_vcpu_pre_fault_memory: gpa 0x1 or size 0x1000 is not page-aligned -> multiples of the page size, 4096",
    ],
    [
      "KVM_PRE_FAULT_MEMORY: an empty range",
      [["KVM_PRE_FAULT_MEMORY", { gpa: 0, size: 0 }]],
      0,
      "EINVAL kvm_vcpu_pre_fault_memory: size 0 -> at least one page",
    ],
    [
      "KVM_PRE_FAULT_MEMORY: where there is no memslot",
      [["KVM_PRE_FAULT_MEMORY", { gpa: "0x90000000", size: "1p" }]],
      0,
      "ENOENT kvm_tdp_page_prefault: no memslot at gpa 0x90000000 -> guest physical addresses of a memslot",
    ],
    [
      "KVM_SET_MEMORY_ATTRIBUTES: private memory in a VM that has none",
      [attributes({})],
      0,
      "EINVAL kvm_vm_ioctl_set_mem_attributes: unknown attributes 0x8 -> 0: a VM of this type has no private memory",
    ],
    [
      "KVM_SET_MEMORY_ATTRIBUTES: attributes that nobody knows",
      [attributes({ attributes: [1] })],
      1,
      "EINVAL kvm_vm_ioctl_set_mem_attributes: unknown attributes 0x1 -> bits of 0x8",
    ],
    [
      "KVM_SET_MEMORY_ATTRIBUTES: an empty range",
      [attributes({ size: 0 })],
      1,
      "EINVAL kvm_vm_ioctl_set_mem_attributes: size 0 -> at least one page",
    ],
    [
      "KVM_SET_MEMORY_ATTRIBUTES: a range that wraps",
      [attributes({ address: "-1p", size: "2p" })],
      1,
      "EINVAL kvm_vm_ioctl_set_mem_attributes: address 0xfffffffffffff000 + size 0x2000 wraps -> a range that ends below 2^64",
    ],
    [
      "KVM_CREATE_VM: types that the machine does not have",
      [["KVM_CREATE_VM", { type: 7 }]],
      0,
      "EINVAL kvm_arch_init_vm: VM type 7 -> 0 (KVM_X86_DEFAULT_VM) or 1 (KVM_X86_SW_PROTECTED_VM)",
    ],
    [
      "kvm_gpc_activate: an access across pages",
      [slot(), ["kvm_gpc_activate", { gpa: "0x80000fff", length: 2 }]],
      0,
      "EINVAL __kvm_gpc_activate: 2 bytes from 0x80000fff on leave the page -> one page",
    ],
    [
      "kvm_gpc_activate: where there is no memslot",
      [["kvm_gpc_activate", { gpa: "0x90000000", length: 8 }]],
      0,
      "EFAULT __kvm_gpc_refresh: no memslot at 0x90000000 -> a gpa of a memslot that may be written",
    ],
  ])("on x86, %s", (_, calls, vm_type, expected) => {
    expect(why(calls, "x86", { vm_type })).toBe(expected);
  });
});

describe("a guest_memfd as a file explains", () => {
  const map = (args: Args): Call => [
    "mmap",
    { length: "4p", prot: "rw", flags: ["MAP_SHARED"], fd: "gmem", ...args },
  ];
  test.each<[string, readonly Call[], RegExp]>([
    [
      "mmap without the flag",
      [gmem(), map({})],
      /^ENODEV kvm_gmem_mmap: the guest_memfd was created without GUEST_MEMFD_FLAG_MMAP/,
    ],
    [
      "a private mapping",
      [mappable, map({ flags: ["MAP_PRIVATE"] })],
      /^EINVAL kvm_gmem_mmap: a private mapping -> MAP_SHARED/,
    ],
    [
      "a change of its size",
      [mappable, ["ftruncate", { fd: "gmem", length: "8p" }]],
      /^EINVAL kvm_gmem_setattr: the size cannot be changed/,
    ],
    [
      "fallocate without KEEP_SIZE",
      [mappable, ["fallocate", { fd: "gmem", mode: [], offset: 0, length: "1p" }]],
      /^EOPNOTSUPP kvm_gmem_fallocate: mode 0x0 without FALLOC_FL_KEEP_SIZE/,
    ],
    [
      "fallocate of parts of pages",
      [
        mappable,
        [
          "fallocate",
          { fd: "gmem", mode: ["FALLOC_FL_KEEP_SIZE", "FALLOC_FL_PUNCH_HOLE"], offset: 1, length: "1p" },
        ],
      ],
      /^EINVAL kvm_gmem_fallocate: offset 0x1 or length 0x1000 is not page-aligned/,
    ],
    [
      "fallocate beyond the end",
      [mappable, ["fallocate", { fd: "gmem", mode: ["FALLOC_FL_KEEP_SIZE"], offset: "4p", length: "1p" }]],
      /^EINVAL kvm_gmem_allocate: the range ends at 0x5000, beyond the file's size 0x4000/,
    ],
  ])("%s", (_, calls, expected) => {
    expect(why(calls)).toMatch(expected);
  });
});
