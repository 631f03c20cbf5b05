import {
  hostAccess,
  invalidateRangeEnd,
  invalidateRangeStart,
  Madv,
  madvise,
  PAGE_SIZE,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { gmemOnlySlotsInHvaRange, guestAccess, type KvmBehaviour, kvm72 } from "../index.js";
import { explore, verdict } from "../testing/explore.js";
import { GFN, GPA, Machine, ok, RAM } from "../testing/machine.js";

/** Nothing that the kernel would have warned of, and no page mapped that is free. */
function wrong(m: Machine): string | undefined {
  const [warning] = m.warnings;
  if (warning !== undefined) return warning;
  const spte = m.mmu.peek(GFN);
  const isFree = spte !== null && m.host.frames.refcount.peek(spte.pfn) === 0;
  return isFree ? "the guest maps a free page" : undefined;
}

/** A guest that writes to a page which madvise(MADV_DONTNEED) takes away. */
function faultAgainstZap(behaviour: KvmBehaviour) {
  const m = new Machine(behaviour);
  m.anon(RAM, 1);
  ok(m.set({ memorySize: PAGE_SIZE }));
  hostAccess(m.task, RAM, 7);
  const vmm = m.thread("vmm 2");
  const threads = {
    vcpu: () => guestAccess(m.vcpu, GPA, "write", 1),
    vmm: () => madvise(vmm, RAM, PAGE_SIZE, Madv.dontneed),
  };
  return verdict(explore(m, threads, { check: () => wrong(m) }));
}

const range = { start: RAM, end: RAM + PAGE_SIZE, event: "CLEAR", site: "test", mayBlock: true } as const;

describe("in every interleaving", () => {
  test("a guest's fault never maps a page that is taken away meanwhile", () => {
    expect(faultAgainstZap(kvm72)).toBe("holds");
  });

  test("it does where the notifier passes over the memslot, whose memory is ordinary memory", () => {
    expect(faultAgainstZap({ ...kvm72, slotInHvaRange: () => "ignore" })).toMatch(/free/);
  });

  test("locking for a guest_memfd-only memslot without adding a range makes a fault and the end warn", () => {
    const m = new Machine(gmemOnlySlotsInHvaRange("lock")(kvm72));
    m.gmemSlot(1);
    const threads = {
      vcpu: () => guestAccess(m.vcpu, GPA, "write", 1),
      mm: () =>
        invalidateRangeEnd(
          m.task.mm,
          invalidateRangeStart(m.task.mm, range.start, range.end, "CLEAR", "test"),
        ),
    };
    const result = verdict(explore(m, threads, { check: () => m.warnings.at(-1), stopAtFirst: false }));
    expect(result).toContain("mmu_invalidate_retry_gfn: an invalidation is in progress, but it has no range");
    expect(result).toContain("kvm_mmu_invalidate_end: no range was added between start and end");
  });
});
