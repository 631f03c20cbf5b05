import {
  close,
  FallocFlag,
  fallocate,
  ftruncate,
  hostAccess,
  isRefusal,
  MapFlag,
  Mempolicy,
  mmap,
  munmap,
  PAGE_SIZE,
  PageFlag,
  type Result,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  type GmemFile,
  type GmemInode,
  GUEST_MEMFD_FLAG_MMAP,
  gmemCreate,
  gmemErrorFolio,
  gmemOnlySlotsInHvaRange,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  kvm72,
} from "../index.js";
import { explore, verdict } from "../testing/explore.js";
import { GFN, GPA, Machine, ok, RAM } from "../testing/machine.js";

const PUNCH = FallocFlag.keepSize | FallocFlag.punchHole;

function inodeOf(m: Machine, fd: number): GmemInode {
  return m.task.process.file(fd)!.inode as GmemInode;
}

function errno(result: Result<unknown>): string {
  return isRefusal(result) ? result.errno : "fine";
}

describe("KVM_CREATE_GUEST_MEMFD", () => {
  test("takes positive multiples of the page size, and two flags", () => {
    const m = new Machine();
    const create = (size: bigint, flags = 0n) => errno(gmemCreate(m.kvm, m.task, { size, flags }));
    expect(create(4096n, 3n)).toBe("fine");
    expect(create(0n)).toBe("EINVAL");
    expect(create(4097n)).toBe("EINVAL");
    expect(create(-4096n)).toBe("EINVAL");
    expect(create(4096n, 4n)).toBe("EINVAL");
  });

  test("makes an inode of its own each time (guest_memfd_test, test_create_guest_memfd_multiple)", () => {
    const m = new Machine();
    expect(inodeOf(m, m.gmem(1))).not.toBe(inodeOf(m, m.gmem(1)));
  });

  test("keeps the VM until the file is closed", () => {
    const m = new Machine();
    const fd = m.gmem(1);
    expect(m.kvm.usersCount.peek()).toBe(3);
    ok(close(m.task, fd));
    expect(m.kvm.usersCount.peek()).toBe(2);
  });
});

describe("a guest_memfd", () => {
  test("shows the VMM and the guest the same page", () => {
    const m = new Machine();
    m.gmemSlot();
    guestAccess(m.vcpu, GPA + PAGE_SIZE, "write", 0x42);
    expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 0x42 });
  });

  test("without GUEST_MEMFD_FLAG_INIT_SHARED can be mapped, but not touched by the VMM", () => {
    const m = new Machine();
    m.map(RAM, 1, m.gmem(1, GUEST_MEMFD_FLAG_MMAP));
    expect(hostAccess(m.task, RAM)).toMatchObject({ signal: "SIGBUS" });
  });

  test("is mapped only shared, and never to execute", () => {
    const m = new Machine();
    const fd = m.gmem(1);
    const args = { addr: RAM, length: PAGE_SIZE, fd, offset: 0 };
    expect(errno(mmap(m.task, { ...args, prot: 3, flags: MapFlag.private }))).toBe("EINVAL");
    expect(errno(mmap(m.task, { ...args, prot: 7, flags: MapFlag.shared }))).toBe("EPERM");
  });

  test("keeps its size, and is allocated only within it", () => {
    const m = new Machine();
    const fd = m.gmem(4);
    expect(errno(ftruncate(m.task, fd, 0))).toBe("EINVAL");
    expect(errno(fallocate(m.task, fd, 0, 0, PAGE_SIZE))).toBe("EOPNOTSUPP");
    expect(errno(fallocate(m.task, fd, FallocFlag.keepSize, 0, 5 * PAGE_SIZE))).toBe("EINVAL");
    expect(errno(fallocate(m.task, fd, FallocFlag.keepSize, 1, PAGE_SIZE))).toBe("EINVAL");
    expect(errno(fallocate(m.task, fd, FallocFlag.keepSize, 0, 4 * PAGE_SIZE))).toBe("fine");
    expect(inodeOf(m, fd).pages.at(3)).not.toBe(0);
  });

  test("loses its page to a hole, and so do guest and mapping", () => {
    const m = new Machine();
    const fd = m.gmemSlot();
    guestAccess(m.vcpu, GPA, "write", 7);
    hostAccess(m.task, RAM);
    const { pfn } = m.mmu.peek(GFN)!;
    ok(fallocate(m.task, fd, PUNCH, 0, PAGE_SIZE));
    expect(m.mmu.peek(GFN)).toBeNull();
    expect(m.host.frames.refcount.peek(pfn)).toBe(0);
    expect(guestAccess(m.vcpu, GPA, "read")).toMatchObject({ value: 0 });
  });

  test("is unmapped from the guest when its mapping goes, keeps what is in it, and is gone once closed", () => {
    const m = new Machine();
    const fd = m.gmemSlot();
    guestAccess(m.vcpu, GPA, "write", 7);
    ok(munmap(m.task, RAM, 4 * PAGE_SIZE));
    expect(m.mmu.peek(GFN)).toBeNull();
    expect(guestAccess(m.vcpu, GPA, "read")).toMatchObject({ value: 7 });
    ok(close(m.task, fd));
    expect(guestAccess(m.vcpu, GPA, "read").exit).toEqual({
      reason: "KVM_EXIT_MEMORY_FAULT",
      errno: "EFAULT",
    });
  });

  test("stays mapped in the guest when its mapping goes, with notifiers ignored; a hole still counts", () => {
    const m = new Machine(gmemOnlySlotsInHvaRange("ignore")(kvm72));
    const fd = m.gmemSlot();
    guestAccess(m.vcpu, GPA, "write", 7);
    ok(munmap(m.task, RAM, 4 * PAGE_SIZE));
    expect(guestAccess(m.vcpu, GPA, "read")).toEqual({ faults: [], value: 7 });
    ok(fallocate(m.task, fd, PUNCH, 0, PAGE_SIZE));
    expect(m.mmu.peek(GFN)).toBeNull();
  });

  test("gives a guest EHWPOISON for a page that memory failure hit, and takes it away before", () => {
    const m = new Machine();
    const fd = m.gmemSlot();
    guestAccess(m.vcpu, GPA, "write", 7);
    m.host.frames.mark(m.mmu.peek(GFN)!.pfn, PageFlag.hwpoison);
    expect(gmemErrorFolio(inodeOf(m, fd), 0)).toBe("MF_DELAYED");
    expect(m.mmu.peek(GFN)).toBeNull();
    expect(guestAccess(m.vcpu, GPA, "read").exit).toEqual({
      reason: "KVM_EXIT_MEMORY_FAULT",
      errno: "EHWPOISON",
    });
  });

  test("puts pages where its own policy says, whoever touches them", () => {
    const m = new Machine();
    const fd = m.gmemSlot();
    const policy = new Mempolicy(m.store, "MPOL_BIND", [1], false, false, 0);
    inodeOf(m, fd).policy.set(0, 1, policy);
    guestAccess(m.vcpu, GPA, "write", 1);
    guestAccess(m.vcpu, GPA + PAGE_SIZE, "write", 1);
    const node = (gfn: number) => m.host.frames.nodeOf(m.mmu.peek(gfn)!.pfn);
    expect([node(GFN), node(GFN + 1)]).toEqual([1, 0]);
  });

  test("is free for another memslot once its own is deleted", () => {
    const m = new Machine();
    const fd = m.gmemSlot();
    const gmem = m.task.process.file(fd)!.data as GmemFile;
    expect(gmem.bindings.peek()).toHaveLength(1);
    ok(m.set({ memorySize: 0 }));
    expect(gmem.bindings.peek()).toHaveLength(0);
    ok(m.set({ slot: 5, flags: KVM_MEM_GUEST_MEMFD, guestMemfd: fd }));
  });
});

describe("in every interleaving", () => {
  test("a guest's fault never keeps a page that a hole was punched into", () => {
    const m = new Machine();
    const fd = m.gmem(1);
    ok(m.set({ memorySize: PAGE_SIZE, flags: KVM_MEM_GUEST_MEMFD, guestMemfd: fd }));
    guestAccess(m.vcpu, GPA, "write", 7);
    const vmm = m.thread("vmm 2");
    const check = () => {
      const spte = m.mmu.peek(GFN);
      return spte !== null && m.host.frames.refcount.peek(spte.pfn) === 0
        ? "a free page is mapped"
        : m.warnings[0];
    };
    const threads = {
      vcpu: () => guestAccess(m.vcpu, GPA, "write", 1),
      vmm: () => fallocate(vmm, fd, PUNCH, 0, PAGE_SIZE),
    };
    expect(verdict(explore(m, threads, { check }))).toBe("holds");
  });

  test("closing the file and deleting its memslot do not trip over each other", () => {
    const m = new Machine();
    const fd = m.gmem(1);
    ok(m.set({ memorySize: PAGE_SIZE, flags: KVM_MEM_GUEST_MEMFD, guestMemfd: fd }));
    guestAccess(m.vcpu, GPA, "write", 7);
    const vmm = m.thread("vmm 2");
    const threads = { vmm: () => m.set({ memorySize: 0 }), closer: () => close(vmm, fd) };
    const atEnd = () => (m.kvm.usersCount.peek() === 2 ? undefined : "the VM's references do not add up");
    expect(verdict(explore(m, threads, { check: () => m.warnings[0], atEnd }))).toBe("holds");
  });
});
