import {
  FallocFlag,
  fallocate,
  hostAccess,
  invalidateRangeEnd,
  invalidateRangeStart,
  Madv,
  madvise,
  PAGE_SIZE,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  createGpc,
  type GfnToPfnCache,
  gmemOnlySlotsInHvaRange,
  gpcActivate,
  gpcActivateHva,
  gpcRefresh,
  gpcWrite,
  KVM_MEM_GUEST_MEMFD,
  type KvmBehaviour,
  kvm72,
  kvm73,
} from "../index.js";
import { explore, verdict } from "../testing/explore.js";
import { GPA, Machine, ok, RAM } from "../testing/machine.js";

const USED_AFTER_FREE = "a pfncache uses a page, which is free";
const NO_RANGE =
  "kvm_mmu_invalidate_end: no range was added between start and end (mmu_invalidate_range_start is INVALID_GPA)";
const rfc = gmemOnlySlotsInHvaRange("ignore");

/** Where the cached page lies. */
type Memory = "ordinary memslot" | "guest_memfd-only memslot over other memory" | "no memslot";

/** A machine with a page of anonymous memory at RAM. */
function machine(behaviour: KvmBehaviour, memory: Memory): { m: Machine; gpc: GfnToPfnCache } {
  const m = new Machine(behaviour, "x86");
  m.anon(RAM, 1);
  hostAccess(m.task, RAM, 7);
  if (memory === "ordinary memslot") ok(m.set({ memorySize: PAGE_SIZE }));
  else if (memory !== "no memslot") {
    ok(m.set({ memorySize: PAGE_SIZE, flags: KVM_MEM_GUEST_MEMFD, guestMemfd: m.gmem(1) }));
  }
  return { m, gpc: createGpc(m.kvm) };
}

/** KVM fills a cache and uses it, while madvise(MADV_DONTNEED) takes the page away. */
function refreshAgainstZap(behaviour: KvmBehaviour, memory: Memory, stopAtFirst = true) {
  const { m, gpc } = machine(behaviour, memory);
  const vmm = m.thread("vmm 2");
  const activate = () =>
    memory === "no memslot" ? gpcActivateHva(m.task, gpc, RAM, 64) : gpcActivate(m.task, gpc, GPA, 64);
  const threads = {
    kernel: [activate, () => gpcWrite(m.task, gpc, 64, 1)],
    vmm: () => madvise(vmm, RAM, PAGE_SIZE, Madv.dontneed),
  };
  return verdict(explore(m, threads, { check: () => m.warnings[0], stopAtFirst }));
}

/**
 * So, while a hole is punched into the guest_memfd that is mapped there. The search is large, so that the use is left
 * out: a cache that is valid may be used at any time.
 */
function refreshAgainstHole(behaviour: KvmBehaviour) {
  const m = new Machine(behaviour, "x86");
  const fd = m.gmemSlot(1);
  hostAccess(m.task, RAM, 7);
  const gpc = createGpc(m.kvm);
  ok(gpcActivate(m.task, gpc, GPA, 64));
  const { mm } = m.task;
  invalidateRangeEnd(mm, invalidateRangeStart(mm, RAM, RAM + PAGE_SIZE, "CLEAR", "test"));
  const vmm = m.thread("vmm 2");
  const punch = FallocFlag.keepSize | FallocFlag.punchHole;
  const threads = {
    kernel: () => gpcRefresh(m.task, gpc, 64),
    vmm: () => fallocate(vmm, fd, punch, 0, PAGE_SIZE),
  };
  const check = () => {
    const isSettled = gpc.lock.holders().length === 0;
    const isFree = m.host.frames.refcount.peek(gpc.pfn.peek()) === 0;
    return isSettled && gpc.valid.peek() && isFree ? USED_AFTER_FREE : undefined;
  };
  return verdict(explore(m, threads, { check }));
}

describe("a pfncache that is refreshed while its page is taken away, in every interleaving", () => {
  test("A: is safe in 7.2 where the page belongs to an ordinary memslot", () => {
    expect(refreshAgainstZap(kvm72, "ordinary memslot")).toBe("holds");
  });

  test("B: is used after the page was freed, where 7.2 ignores the notifiers of guest_memfd-only memslots", () => {
    const memory = "guest_memfd-only memslot over other memory";
    expect(refreshAgainstZap(rfc(kvm72), memory)).toBe(USED_AFTER_FREE);
    expect(refreshAgainstZap(kvm72, memory)).toBe("holds");
  });

  test("C: is used after the page was freed already in 7.2, if it caches a user address without a memslot", () => {
    expect(refreshAgainstZap(kvm72, "no memslot")).toBe(USED_AFTER_FREE);
  });

  test("D: is safe in 7.3, which counts invalidations for it, with a memslot or without", () => {
    expect(refreshAgainstZap(kvm73, "no memslot")).toBe("holds");
  });

  test("D2: is safe in 7.3 with guest_memfd-only memslots ignored", () => {
    expect(refreshAgainstZap(rfc(kvm73), "guest_memfd-only memslot over other memory")).toBe("holds");
  });

  test("E: is safe where such memslots are locked for, but the kernel warns that no range was added", () => {
    const memory = "guest_memfd-only memslot over other memory";
    expect(refreshAgainstZap(gmemOnlySlotsInHvaRange("lock")(kvm72), memory, false)).toBe(NO_RANGE);
  });

  test("E3: is safe, and nobody warns, where they also add their range", () => {
    const memory = "guest_memfd-only memslot over other memory";
    expect(refreshAgainstZap(gmemOnlySlotsInHvaRange("lock-and-range")(kvm72), memory)).toBe("holds");
  });

  test("F: is used after free if 7.3 let the count go down before the sequence goes up", () => {
    expect(refreshAgainstZap({ ...kvm73, gpcSequenceRaised: "after-count" }, "no memslot")).toBe(
      USED_AFTER_FREE,
    );
  });

  test("G: is used after free if the refresh went by mmu_invalidate_in_progress", () => {
    const behaviour: KvmBehaviour = { ...kvm72, gpcActiveCount: "mmu_invalidate_in_progress" };
    expect(refreshAgainstZap(behaviour, "ordinary memslot")).toBe(USED_AFTER_FREE);
  });

  test("J: is used after a hole was punched where 7.2 ignores notifiers, and not otherwise", {
    timeout: 300_000,
  }, () => {
    expect(refreshAgainstHole(kvm72)).toBe("holds");
    expect(refreshAgainstHole(rfc(kvm72))).toBe(USED_AFTER_FREE);
    expect(refreshAgainstHole(rfc(kvm73))).toBe("holds");
  });
});

describe("an invalidation that only locks for its memslot", () => {
  test("E2: warns or not, depending on what else is being invalidated", () => {
    const m = new Machine(gmemOnlySlotsInHvaRange("lock")(kvm72), "x86");
    m.anon(RAM, 2);
    ok(m.set({ memorySize: PAGE_SIZE, flags: KVM_MEM_GUEST_MEMFD, guestMemfd: m.gmem(1) }));
    ok(m.set({ slot: 1, guestPhysAddr: 0, memorySize: PAGE_SIZE, userspaceAddr: RAM + PAGE_SIZE }));
    const notify = (start: number) => () => {
      const { mm } = m.task;
      invalidateRangeEnd(mm, invalidateRangeStart(mm, start, start + PAGE_SIZE, "CLEAR", "test"));
    };
    const outcomes = new Set<string>();
    const atEnd = () => {
      outcomes.add(m.warnings[0] ?? "no warning");
      return undefined;
    };
    explore(m, { mm: notify(RAM), other: notify(RAM + PAGE_SIZE) }, { atEnd });
    expect([...outcomes].sort()).toEqual([NO_RANGE, "no warning"]);
  });
});
