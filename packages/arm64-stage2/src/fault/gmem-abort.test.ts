// One test for each thing that one has to know of gmem_abort() and what leads to it.
import { Store } from "@kvmm/interleave";
import {
  type AccessKind,
  createVcpu,
  gmemCreate,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  KvmModule,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import {
  close,
  FallocFlag,
  fallocate,
  Host,
  type HostOptions,
  isRefusal,
  PAGE_SIZE,
  PageFlag,
  type Result,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { dump } from "../dump/dump.js";
import { arm64 } from "./arm64.js";
import type { Arm64Mmu } from "./arm64-mmu.js";
import { type Arm64Options, recordedMachine } from "./traits.js";

const GPA = 0x8000_0000;
const RAM = 0x2000_0000_0000;
const MIB2 = 2 * 1024 * 1024;

function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

/** A VM whose slot 0 is the whole of a guest_memfd that nobody maps. */
function gmem(size = 4 * PAGE_SIZE, hostOptions: HostOptions = {}, options: Arm64Options = {}) {
  const host = new Host(new Store(), hostOptions);
  const vmm = host.spawn("vmm");
  const kvm = ok(new KvmModule(host, { architecture: arm64(options) }).createVm(vmm));
  const vcpu = ok(createVcpu(kvm, vmm, 0));
  const mmu = kvm.mmu as Arm64Mmu;
  const fd = ok(gmemCreate(kvm, vmm, { size, flags: 3 }));
  const region = { slot: 0, guestPhysAddr: GPA, memorySize: size, userspaceAddr: RAM, guestMemfd: fd };
  const set = (more: object = {}) =>
    setMemoryRegion2(kvm, vmm, { ...region, flags: KVM_MEM_GUEST_MEMFD, ...more });
  ok(set());
  const access = (kind: AccessKind, page = 0) => guestAccess(vcpu, GPA + page * PAGE_SIZE, kind, 7);
  const leaves = () =>
    dump(mmu.pgt, { whole: true }).flatMap(([first, end, level, is]) =>
      is === "" ? [] : [`${level}: ${(end - first) / PAGE_SIZE} ${is}`],
    );
  const frame = (page = 0) => vmm.process.file(fd)!.inode!.pages.at(page);
  return { host, vmm, kvm, vcpu, mmu, fd, set, access, leaves, frame };
}

describe("a guest's fault on a guest_memfd", () => {
  test("maps a page alone, writable also where it was only read, executable where it was executed", () => {
    const { access, leaves } = gmem(2 * MIB2);
    access("read");
    access("exec", 1);
    expect(leaves()).toEqual(["3: 1 R W PXNUXN AF", "3: 1 R W px ux AF"]);
  });

  test("maps it executable at once where the CPU needs no maintenance for that (CTR_EL0.DIC)", () => {
    const { access, leaves } = gmem(PAGE_SIZE, {}, { machine: { ...recordedMachine, dic: true } });
    access("read");
    expect(leaves()).toEqual(["3: 1 R W px ux AF"]);
  });

  test("needs neither a mapping of the VMM nor its mmap_lock", () => {
    const { vmm, access } = gmem();
    vmm.mm.mmapLock.writeLock();
    expect(access("write").exit).toBeUndefined();
    vmm.mm.mmapLock.writeUnlock();
  });

  test("on a page without execute permission relaxes the entry, and takes no page for tables", () => {
    const { access, mmu, vcpu } = gmem();
    access("read");
    const left = mmu.cacheOf(vcpu).nobjs;
    expect(access("exec").faults).toEqual([{ access: "exec", kind: "permission" }]);
    expect(mmu.cacheOf(vcpu).nobjs).toBe(left);
  });

  test("hands every error on as it is, with KVM_EXIT_MEMORY_FAULT", () => {
    const closed = gmem();
    ok(close(closed.vmm, closed.fd));
    expect(closed.access("read").exit).toMatchObject({ reason: "KVM_EXIT_MEMORY_FAULT", errno: "EFAULT" });
    const poisoned = gmem();
    poisoned.access("read");
    poisoned.host.frames.mark(poisoned.frame(), PageFlag.hwpoison);
    // Once it is unmapped, as memory failure unmaps it.
    poisoned.mmu.flushShadowMemslot(poisoned.kvm.peekMemslots().peek()[0]!);
    expect(poisoned.access("read").exit).toMatchObject({
      reason: "KVM_EXIT_MEMORY_FAULT",
      errno: "EHWPOISON",
    });
    const small = gmem(2 * PAGE_SIZE, { nodes: 1, nodeSize: PAGE_SIZE, swapSize: 0 });
    expect(small.access("read").exit).toMatchObject({ reason: "KVM_EXIT_MEMORY_FAULT", errno: "ENOMEM" });
  });

  test("leaves no reference behind", () => {
    const { access, frame, host } = gmem();
    access("write");
    const held = host.frames.refcount.peek(frame());
    access("exec");
    expect(host.frames.refcount.peek(frame())).toBe(held);
  });

  test("comes back after a hole was punched, to a page that is zero", () => {
    const { vmm, fd, access } = gmem();
    access("write");
    ok(fallocate(vmm, fd, FallocFlag.keepSize | FallocFlag.punchHole, 0, PAGE_SIZE));
    expect(access("read")).toEqual({ faults: [{ access: "read", kind: "translation" }], value: 0 });
  });
});

test("gmem_abort() sees neither read-only nor logged memory: such memslots are refused", () => {
  const { set } = gmem();
  for (const flag of [KVM_MEM_READONLY, KVM_MEM_LOG_DIRTY_PAGES]) {
    const refused = set({ slot: 1, flags: KVM_MEM_GUEST_MEMFD | flag });
    expect(isRefusal(refused) && refused.errno).toBe("EINVAL");
  }
});

test("a guest_memfd that cannot be mapped is no memory of an arm64 guest", () => {
  const { kvm, vmm, set } = gmem();
  const guestMemfd = ok(gmemCreate(kvm, vmm, { size: PAGE_SIZE, flags: 2 }));
  const refused = set({ slot: 1, guestPhysAddr: 0, memorySize: PAGE_SIZE, guestMemfd });
  expect(isRefusal(refused) && refused.fn).toBe("kvm_arch_prepare_memory_region");
});
