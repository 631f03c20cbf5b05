import { isRefusal, PAGE_SIZE, type Result } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  GUEST_MEMFD_FLAG_INIT_SHARED,
  GUEST_MEMFD_FLAG_MMAP,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  kvm73,
  setMemoryRegion,
} from "../index.js";
import { GPA, Machine, ok, RAM } from "../testing/machine.js";

function said(result: Result<0>): string {
  return isRefusal(result) ? `${result.errno} ${result.reason}` : "fine";
}

describe("KVM_SET_USER_MEMORY_REGION2 refuses", () => {
  test("sizes and addresses that are not page-aligned, the size first", () => {
    const m = new Machine();
    expect(said(m.set({ memorySize: 5 }))).toBe("EINVAL memory_size 0x5 is not page-aligned");
    expect(said(m.set({ memorySize: 5, guestPhysAddr: 1 }))).toBe(
      "EINVAL memory_size 0x5 is not page-aligned",
    );
    expect(said(m.set({ guestPhysAddr: 1 }))).toBe("EINVAL guest_phys_addr 0x1 is not page-aligned");
    expect(said(m.set({ userspaceAddr: RAM + 1 }))).toBe(
      "EINVAL userspace_addr 0x200000000001 is not page-aligned",
    );
  });

  test("user addresses with a tag, and those beyond user space", () => {
    const m = new Machine();
    expect(said(m.set({ userspaceAddr: 0x0100_2000_0000_0000n }))).toBe(
      "EINVAL userspace_addr 0x100200000000000 has a tag in its top byte",
    );
    expect(said(m.set({ userspaceAddr: 1n << 52n }))).toContain("beyond user space");
    expect(said(m.set({ userspaceAddr: (1n << 52n) - 0x4000n }))).toBe("fine");
    expect(said(m.set({ slot: 1, userspaceAddr: (1n << 52n) - 0x3000n }))).toContain("beyond user space");
  });

  test("flags that it does not know, and those that guest_memfd excludes", () => {
    const m = new Machine();
    expect(said(m.set({ flags: 8 }))).toBe("EINVAL unknown flags 0x8");
    expect(said(m.set({ flags: KVM_MEM_GUEST_MEMFD | KVM_MEM_READONLY, guestMemfd: 9999 }))).toBe(
      "EINVAL KVM_MEM_READONLY together with KVM_MEM_GUEST_MEMFD",
    );
    expect(said(m.set({ flags: KVM_MEM_GUEST_MEMFD | KVM_MEM_LOG_DIRTY_PAGES, guestMemfd: 9999 }))).toBe(
      "EINVAL KVM_MEM_LOG_DIRTY_PAGES together with KVM_MEM_GUEST_MEMFD",
    );
  });

  test("slots and address spaces that do not exist", () => {
    const m = new Machine();
    expect(said(m.set({ slot: 0x7fff }))).toBe(
      "EINVAL slot id 32767 (the low 16 bits of slot 0x7fff) is too high",
    );
    expect(said(m.set({ slot: 0x1_0000 }))).toContain("address space 1");
    expect(said(m.set({ slot: 0x7ffe }))).toBe("fine");
    expect(said(new Machine(undefined, "x86").set({ slot: 0x7ffe }))).toContain("slot id 32766");
  });

  test("guest addresses that wrap (EINVAL) or that the VM cannot have (EFAULT)", () => {
    const m = new Machine();
    expect(said(m.set({ guestPhysAddr: (1n << 64n) - 0x1000n }))).toContain("EINVAL guest_phys_addr");
    expect(said(m.set({ guestPhysAddr: 2 ** 40 }))).toContain("EFAULT guest physical addresses up to");
    expect(said(m.set({ guestPhysAddr: 2 ** 40 - 4 * PAGE_SIZE }))).toBe("fine");
  });

  test("an overlap with another memslot, but not with the memslot that is moved", () => {
    const m = new Machine();
    ok(m.set());
    expect(said(m.set({ slot: 1, guestPhysAddr: GPA + 3 * PAGE_SIZE }))).toMatch(
      /^EEXIST gfn 0x80003 to 0x80007 overlaps slot 0/,
    );
    expect(said(m.set({ guestPhysAddr: GPA + PAGE_SIZE }))).toBe("fine");
  });

  test("any change of a memslot but its place and its dirty log", () => {
    const m = new Machine();
    ok(m.set());
    expect(said(m.set({ userspaceAddr: RAM + PAGE_SIZE }))).toContain(
      "exists with userspace_addr 0x200000000000",
    );
    expect(said(m.set({ memorySize: PAGE_SIZE }))).toContain("exists with memory_size 0x4000, not 0x1000");
    expect(said(m.set({ flags: KVM_MEM_READONLY }))).toContain("KVM_MEM_READONLY cannot be changed");
    expect(said(m.set({ flags: KVM_MEM_LOG_DIRTY_PAGES }))).toBe("fine");
  });

  test("deleting what is not there", () => {
    const m = new Machine();
    expect(said(m.set({ memorySize: 0 }))).toBe("EINVAL memory_size 0 deletes, but there is no slot 0");
    ok(m.set());
    expect(said(m.set({ memorySize: 0, guestPhysAddr: 0, userspaceAddr: 0 }))).toBe("fine");
    expect(m.kvm.nrMemslotPages.peek()).toBe(0);
  });

  test("descriptors that are no guest_memfd of this VM", () => {
    const m = new Machine();
    const flags = KVM_MEM_GUEST_MEMFD;
    expect(said(m.set({ flags, guestMemfd: 9999 }))).toBe("EBADF guest_memfd 9999 is no open descriptor");
    expect(said(m.set({ flags, guestMemfd: -1 }))).toBe("EBADF guest_memfd -1 is no open descriptor");
    const other = ok(m.kvm.module.createVm(m.task));
    const fd = m.gmem(4);
    expect(said(setMemoryRegion(other, m.task, { slot: 0, flags }))).toContain(
      "KVM_SET_USER_MEMORY_REGION knows not all",
    );
    expect(said(m.set({ flags, guestMemfd: fd, memorySize: 5 * PAGE_SIZE }))).toContain(
      "beyond the file's size 0x4000",
    );
    expect(said(m.set({ flags, guestMemfd: fd, guestMemfdOffset: 1 }))).toBe(
      "EINVAL guest_memfd_offset 0x1 is not page-aligned",
    );
    expect(said(m.set({ flags, guestMemfd: fd, guestMemfdOffset: -4096n }))).toContain("wraps");
  });

  test("on arm64, a guest_memfd that cannot be mapped; the file stays free for another memslot", () => {
    const m = new Machine();
    const flags = KVM_MEM_GUEST_MEMFD;
    const fd = m.gmem(4, GUEST_MEMFD_FLAG_INIT_SHARED);
    expect(said(m.set({ flags, guestMemfd: fd }))).toContain("created without GUEST_MEMFD_FLAG_MMAP");
    const mappable = m.gmem(4, GUEST_MEMFD_FLAG_MMAP);
    expect(said(m.set({ flags, guestMemfd: mappable, guestPhysAddr: 2 ** 40 }))).toContain("EFAULT");
    expect(said(m.set({ flags, guestMemfd: mappable }))).toBe("fine");
  });

  test("pages of a guest_memfd that another memslot has: before the architecture's checks in 7.2, after them in 7.3", () => {
    const bad = { slot: 1, flags: KVM_MEM_GUEST_MEMFD, guestPhysAddr: 2 ** 40 };
    const m72 = new Machine();
    expect(said(m72.set({ ...bad, guestMemfd: m72.gmemSlot() }))).toContain(
      "EEXIST pages 0 to 4 of the guest_memfd overlap",
    );
    const m73 = new Machine(kvm73);
    const guestMemfd = m73.gmemSlot();
    expect(said(m73.set({ ...bad, guestMemfd }))).toContain("EFAULT");
    expect(said(m73.set({ ...bad, guestMemfd, guestPhysAddr: 0 }))).toContain("EEXIST pages 0 to 4");
    // What was refused has not touched the binding of the memslot that was there.
    expect(guestAccess(m73.vcpu, GPA, "write", 7)).toMatchObject({ value: 7 });
  });
});

describe("a memslot", () => {
  test("that is moved takes its memory along, and leaves nothing behind", () => {
    const m = new Machine();
    m.anon(RAM, 4);
    ok(m.set());
    guestAccess(m.vcpu, GPA, "write", 5);
    ok(m.set({ guestPhysAddr: GPA + 0x10_0000 }));
    expect(guestAccess(m.vcpu, GPA, "read")).toMatchObject({ exit: { reason: "KVM_EXIT_MMIO" } });
    expect(guestAccess(m.vcpu, GPA + 0x10_0000, "read")).toMatchObject({ value: 5 });
  });

  test("stays as it was when its move is refused, though it was invalid in between", () => {
    const m = new Machine();
    m.anon(RAM, 4);
    ok(m.set());
    guestAccess(m.vcpu, GPA, "write", 5);
    expect(said(m.set({ guestPhysAddr: 2 ** 40 }))).toContain("EFAULT");
    expect(m.trace.map((event) => event.fn)).toContain("kvm_invalidate_memslot");
    expect(guestAccess(m.vcpu, GPA, "read")).toEqual({
      faults: [{ access: "read", kind: "translation" }],
      value: 5,
    });
  });

  test("that is read-only can be read, and makes writes an access to a device", () => {
    const m = new Machine();
    m.anon(RAM, 4);
    ok(m.set({ flags: KVM_MEM_READONLY }));
    expect(guestAccess(m.vcpu, GPA, "read").value).toBe(0);
    expect(guestAccess(m.vcpu, GPA, "write").exit).toEqual({ reason: "KVM_EXIT_MMIO" });
  });

  test("gets a new generation at each change, two of them when it is deleted", () => {
    const m = new Machine();
    const generation = () => m.kvm.peekMemslots().generation.peek();
    ok(m.set());
    expect(generation()).toBe(1);
    ok(m.set({ memorySize: 0 }));
    expect(generation()).toBe(3);
  });
});
