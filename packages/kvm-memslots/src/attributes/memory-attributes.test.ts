import { isRefusal, PAGE_SIZE, type Result } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  checkExtension,
  guestAccess,
  isPrivateGfn,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEMORY_ATTRIBUTE_PRIVATE,
  KVM_X86_SW_PROTECTED_VM,
  kvm72,
  kvm73,
  memoryAttributes,
  rangeHasMemoryAttributes,
  setMemoryAttributes,
} from "../index.js";
import { explore, verdict } from "../testing/explore.js";
import { GFN, GPA, Machine, ok, RAM } from "../testing/machine.js";

const PRIVATE = Number(KVM_MEMORY_ATTRIBUTE_PRIVATE);
const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : "fine");

/** A protected VM whose slot 0 has anonymous memory where it is shared, and a guest_memfd where it is private. */
function machine(behaviour = kvm72): Machine {
  const m = new Machine(behaviour, "x86", KVM_X86_SW_PROTECTED_VM);
  m.anon(RAM, 4);
  ok(m.set({ flags: KVM_MEM_GUEST_MEMFD, guestMemfd: m.gmem(4, 0n) }));
  return m;
}

const set = (m: Machine, attributes: number, first = 0, pages = 4) =>
  setMemoryAttributes(m.kvm, { address: GPA + first * PAGE_SIZE, size: pages * PAGE_SIZE, attributes });

describe("KVM_SET_MEMORY_ATTRIBUTES", () => {
  test("makes memory private, and shared again: each has its own contents", () => {
    const m = machine();
    guestAccess(m.vcpu, GPA, "write", 1);
    ok(set(m, PRIVATE));
    expect(guestAccess(m.vcpu, GPA, "read")).toEqual({
      faults: [{ access: "read", kind: "translation" }],
      value: 0,
    });
    guestAccess(m.vcpu, GPA, "write", 2);
    ok(set(m, 0));
    expect(guestAccess(m.vcpu, GPA, "read").value).toBe(1);
    ok(set(m, PRIVATE));
    expect(guestAccess(m.vcpu, GPA, "read").value).toBe(2);
  });

  test("takes what was mapped away, within its range only", () => {
    const m = machine();
    for (let page = 0; page < 4; page++) guestAccess(m.vcpu, GPA + page * PAGE_SIZE, "write", 1);
    ok(set(m, PRIVATE, 1, 2));
    expect([0, 1, 2, 3].map((page) => m.mmu.peek(GFN + page) !== null)).toEqual([true, false, false, true]);
    expect([0, 1, 2, 3].map((page) => isPrivateGfn(m.kvm, GFN + page))).toEqual([false, true, true, false]);
  });

  test("does nothing where all pages have the attributes already", () => {
    const m = machine();
    ok(set(m, PRIVATE));
    const seq = m.kvm.mmuInvalidateSeq.peek();
    ok(set(m, PRIVATE));
    expect(m.kvm.mmuInvalidateSeq.peek()).toBe(seq);
    ok(set(m, 0));
    expect(m.kvm.mmuInvalidateSeq.peek()).toBe(seq + 1);
  });

  test("may be said of guest addresses without a memslot, and then counts no invalidation", () => {
    const m = new Machine(kvm72, "x86", KVM_X86_SW_PROTECTED_VM);
    ok(set(m, PRIVATE));
    expect(memoryAttributes(m.kvm, GFN)).toBe(PRIVATE);
    expect(m.kvm.mmuInvalidateSeq.peek()).toBe(0);
  });

  test("private memory without a guest_memfd ends the guest's access with KVM_EXIT_MEMORY_FAULT", () => {
    const m = new Machine(kvm72, "x86", KVM_X86_SW_PROTECTED_VM);
    m.anon(RAM, 4);
    ok(m.set());
    ok(set(m, PRIVATE));
    expect(guestAccess(m.vcpu, GPA, "read").exit).toEqual({
      reason: "KVM_EXIT_MEMORY_FAULT",
      errno: "EFAULT",
    });
  });

  test("runs out of memory before anything has changed; 7.3 needs none to clear attributes", () => {
    for (const [behaviour, clearing] of [
      [kvm72, "ENOMEM"],
      [kvm73, "fine"],
    ] as const) {
      const m = machine(behaviour);
      ok(set(m, PRIVATE, 0, 2));
      guestAccess(m.vcpu, GPA, "write", 2);
      m.kvm.failReserveAt = GFN + 3;
      expect(errno(set(m, PRIVATE))).toBe("ENOMEM");
      expect(m.mmu.peek(GFN)).not.toBeNull();
      expect(errno(set(m, 0))).toBe(clearing);
    }
  });

  test("is there where the VM has private memory, and told by the capability", () => {
    const capability = (m: Machine) => checkExtension(m.kvm.module, m.kvm, "KVM_CAP_MEMORY_ATTRIBUTES");
    expect(capability(machine())).toBe(PRIVATE);
    expect(capability(new Machine(kvm72, "x86"))).toBe(0);
    expect(capability(new Machine())).toBe(0);
    expect(checkExtension(machine().kvm.module, null, "KVM_CAP_MEMORY_ATTRIBUTES")).toBe(PRIVATE);
  });
});

test("a range has attributes if each of its pages has them", () => {
  const m = machine();
  ok(set(m, PRIVATE, 1, 2));
  const has = (first: number, end: number, attributes: number) =>
    rangeHasMemoryAttributes(m.kvm, GFN + first, GFN + end, attributes);
  expect([
    has(1, 3, PRIVATE),
    has(0, 3, PRIVATE),
    has(1, 2, PRIVATE),
    has(3, 9, 0),
    has(2, 9, 0),
    has(0, 1, 0),
  ]).toEqual([true, false, true, true, false, true]);
});

test("a guest's fault never maps shared memory where it becomes private meanwhile, nor the other way round", () => {
  for (const before of [0, PRIVATE]) {
    const m = machine();
    ok(set(m, before, 0, 1));
    const vmm = () => ok(set(m, before === 0 ? PRIVATE : 0, 0, 1));
    const slot = m.kvm.peekMemslots().peek()[0]!;
    const found = explore(
      m,
      { guest: () => guestAccess(m.vcpu, GPA, "read").value ?? -1, vmm },
      {
        atEnd: () => {
          const spte = m.mmu.peek(GFN);
          if (spte === null) return undefined;
          const gmemPage = slot.gmemFile.peek()!.inode!.pages.at(0);
          const isPrivate = m.kvm.memAttrArray.at(GFN) !== 0;
          return (spte.pfn === gmemPage) === isPrivate ? undefined : "the wrong memory is mapped";
        },
      },
    );
    expect(verdict(found)).toBe("holds");
  }
});
