import { munmap, PAGE_SIZE } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { gmemOnlySlotsInHvaRange, guestAccess, handleHvaRange, kvm72, type SlotDecision } from "../index.js";
import { GFN, GPA, Machine, ok, RAM } from "../testing/machine.js";

/** A machine whose guest_memfd-only memslot has its first page in use; then its mapping is removed. */
function unmapUnder(decision: SlotDecision) {
  const m = new Machine(gmemOnlySlotsInHvaRange(decision)(kvm72));
  m.gmemSlot();
  guestAccess(m.vcpu, GPA, "write", 1);
  const seq = m.kvm.mmuInvalidateSeq.peek();
  ok(munmap(m.task, RAM, 4 * PAGE_SIZE));
  return {
    isMapped: m.mmu.peek(GFN) !== null,
    seqMoved: m.kvm.mmuInvalidateSeq.peek() - seq,
    inProgress: m.kvm.mmuInvalidateInProgress.peek(),
    active: m.kvm.mnActiveInvalidateCount.peek(),
    warnings: m.warnings,
  };
}

describe("kvm_handle_hva_range", () => {
  test("unmaps what the range covers of a memslot", () => {
    expect(unmapUnder("handle")).toEqual({
      isMapped: false,
      seqMoved: 1,
      inProgress: 0,
      active: 0,
      warnings: [],
    });
  });

  test("leaves an ignored memslot alone: no lock, no sequence", () => {
    expect(unmapUnder("ignore")).toEqual({
      isMapped: true,
      seqMoved: 0,
      inProgress: 0,
      active: 0,
      warnings: [],
    });
  });

  test("counts for a memslot that it only locks, but no range was added, and the kernel warns", () => {
    expect(unmapUnder("lock")).toEqual({
      isMapped: true,
      seqMoved: 1,
      inProgress: 0,
      active: 0,
      warnings: [
        "kvm_mmu_invalidate_end: no range was added between start and end (mmu_invalidate_range_start is INVALID_GPA)",
      ],
    });
  });

  test("counts and adds the range without unmapping, and nothing is wrong", () => {
    expect(unmapUnder("lock-and-range")).toEqual({
      isMapped: true,
      seqMoved: 1,
      inProgress: 0,
      active: 0,
      warnings: [],
    });
  });

  test("takes no lock where there is no guest memory", () => {
    const m = new Machine();
    m.anon(RAM, 8);
    ok(m.set({ userspaceAddr: RAM + 4 * PAGE_SIZE }));
    ok(munmap(m.task, RAM, 4 * PAGE_SIZE));
    expect(m.kvm.mmuInvalidateSeq.peek()).toBe(0);
  });

  test("gives each memslot its own part of the range, those at the same address too", () => {
    const m = new Machine();
    ok(m.set());
    ok(m.set({ slot: 1, guestPhysAddr: GPA + 0x10_0000 }));
    ok(m.set({ slot: 2, guestPhysAddr: GPA + 0x20_0000, userspaceAddr: RAM + 4 * PAGE_SIZE }));
    const parts: [number, number, number][] = [];
    const result = handleHvaRange(m.kvm, {
      start: RAM + 3 * PAGE_SIZE,
      end: RAM + 5 * PAGE_SIZE + 1,
      walk: "age",
      handler: (_kvm, { slot, start, end }) => {
        parts.push([slot.slotId, start - slot.baseGfn, end - slot.baseGfn]);
        return slot.slotId === 1;
      },
      onLock: null,
      flushOnRet: false,
      mayBlock: true,
      lockless: false,
    });
    expect(parts).toEqual([
      [0, 3, 4],
      [1, 3, 4],
      [2, 0, 2],
    ]);
    expect(result).toEqual({ ret: true, foundMemslot: true });
  });

  test("warns of an empty range", () => {
    const m = new Machine();
    const range = { start: RAM, end: RAM, walk: "age", handler: () => true, onLock: null } as const;
    handleHvaRange(m.kvm, { ...range, flushOnRet: false, mayBlock: true, lockless: false });
    expect(m.warnings[0]).toContain("an empty range");
  });
});

describe("what KVM's trace points show", () => {
  test("is every notifier, also one that touches no memslot, with the place that raised it", () => {
    const m = new Machine();
    m.anon(RAM, 8);
    guestAccess(m.vcpu, GPA, "read");
    const seen: string[] = [];
    m.kvm.observer = {
      unmapHvaRange: ({ start, end, site }) =>
        seen.push(`${site} ${(start - RAM) / PAGE_SIZE} to ${(end - RAM) / PAGE_SIZE}`),
      ageHva: () => seen.push("age"),
      testAgeHva: () => seen.push("test age"),
    };
    ok(munmap(m.task, RAM, 4 * PAGE_SIZE));
    expect(seen).toEqual(["unmap_vmas 0 to 4"]);
  });
});
