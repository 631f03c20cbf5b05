// What tools/testing/selftests/kvm/pre_fault_memory_test.c asserts, in our words.
import { isRefusal, PAGE_SIZE } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  checkExtension,
  GUEST_MEMFD_FLAG_MMAP,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  KVM_X86_DEFAULT_VM,
  KVM_X86_SW_PROTECTED_VM,
  preFaultMemory,
  setMemoryAttributes,
} from "../index.js";
import { explore, verdict } from "../testing/explore.js";
import { GFN, GPA, Machine, ok, RAM } from "../testing/machine.js";

const NPAGES = 8;
const SIZE = NPAGES * PAGE_SIZE;

function machine(type: bigint, isPrivate: boolean): Machine {
  const m = new Machine(undefined, "x86", type);
  m.store.onTrace = null;
  m.anon(RAM, NPAGES);
  const gmem = isPrivate ? { flags: KVM_MEM_GUEST_MEMFD, guestMemfd: m.gmem(NPAGES, 0n) } : {};
  ok(m.set({ memorySize: SIZE, ...gmem }));
  if (isPrivate) ok(setMemoryAttributes(m.kvm, { address: GPA, size: SIZE, attributes: 8n }));
  return m;
}

function preFault(m: Machine, offset: number, size: number): { errno: string; left: number } {
  const { result, left } = preFaultMemory(m.vcpu, { gpa: GPA + offset, size });
  return { errno: isRefusal(result) ? result.errno : "fine", left: Number(left.size) };
}

describe.each([
  ["a VM", KVM_X86_DEFAULT_VM, false],
  ["a software-protected VM, shared memory", KVM_X86_SW_PROTECTED_VM, false],
  ["a software-protected VM, private memory", KVM_X86_SW_PROTECTED_VM, true],
])("pre_fault_memory_test, %s", (_, type, isPrivate) => {
  test("the capability is there", () => {
    const m = machine(type, isPrivate);
    expect(checkExtension(m.kvm.module, m.kvm, "KVM_CAP_PRE_FAULT_MEMORY")).toBe(1);
  });

  test("what was faulted ahead is mapped, and the guest takes no fault there", () => {
    const m = machine(type, isPrivate);
    expect(preFault(m, 0, SIZE)).toEqual({ errno: "fine", left: 0 });
    for (let page = 0; page < NPAGES; page++) {
      expect(m.mmu.peek(GFN + page)).not.toBeNull();
      expect(guestAccess(m.vcpu, GPA + page * PAGE_SIZE, "read")).toEqual({ faults: [], value: 0 });
    }
  });

  test("a range that leaves the memslot succeeds as far as it goes, and says what is left", () => {
    expect(preFault(machine(type, isPrivate), SIZE - PAGE_SIZE, 2 * PAGE_SIZE)).toEqual({
      errno: "fine",
      left: PAGE_SIZE,
    });
  });

  test("a range without a memslot is ENOENT, and all of it is left", () => {
    expect(preFault(machine(type, isPrivate), SIZE, PAGE_SIZE)).toEqual({ errno: "ENOENT", left: PAGE_SIZE });
  });

  test("a memslot that is deleted meanwhile gives EAGAIN or ENOENT, or was there in time; nothing of it stays mapped", () => {
    const m = machine(type, isPrivate);
    const found = explore(
      m,
      {
        prefault: () => preFault(m, 0, PAGE_SIZE).errno,
        vmm: () => ok(m.set({ memorySize: 0 })),
      },
      {
        atEnd: () => (m.mmu.peek(GFN) === null ? undefined : "the deleted memslot's page is still mapped"),
      },
    );
    expect(verdict(found)).toBe("holds");
  });
});

test("pre_fault_memory_test: a guest_memfd's own memory is faulted ahead in a VM that shares it, too", () => {
  const m = new Machine(undefined, "x86");
  const guestMemfd = m.gmem(2, GUEST_MEMFD_FLAG_MMAP);
  ok(m.set({ memorySize: 2 * PAGE_SIZE, flags: KVM_MEM_GUEST_MEMFD, guestMemfd, userspaceAddr: 0 }));
  expect(preFault(m, 0, 2 * PAGE_SIZE)).toEqual({ errno: "fine", left: 0 });
});

test.each([
  ["flags", { flags: 1 }],
  ["a gpa within a page", { gpa: 1 }],
  ["a size of parts of pages", { size: 1 }],
  ["an empty range", { size: 0 }],
  ["a range that wraps", { gpa: -4096n, size: 8192 }],
])("KVM_PRE_FAULT_MEMORY refuses %s", (_, change) => {
  const m = machine(KVM_X86_DEFAULT_VM, false);
  const { result } = preFaultMemory(m.vcpu, { gpa: GPA, size: PAGE_SIZE, ...change });
  expect(isRefusal(result) && result.errno).toBe("EINVAL");
});
