// What tools/testing/selftests/kvm/set_memory_region_test.c asserts, in our words; but for test_mmio_during_vectoring, which is
// about x86's emulator.
import { close, hostAccess, isRefusal, memfdCreate, munmap, PAGE_SIZE, type Result } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  checkExtension,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  KVM_X86_SW_PROTECTED_VM,
  openKvm,
  setMemoryRegion,
  setMemoryRegion2,
} from "../index.js";
import { explore, verdict } from "../testing/explore.js";
import { GPA, Machine, ok, RAM } from "../testing/machine.js";

const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : "fine");
const MIB = 0x10_0000;
const SIZE = 2 * MIB;
const protectedVm = () => new Machine(undefined, "x86", KVM_X86_SW_PROTECTED_VM);

describe.each(["arm64", "x86"] as const)(
  "set_memory_region_test, test_invalid_memory_region_flags, %s",
  (arch) => {
    const region = { slot: 0, memorySize: SIZE };
    const known = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD;

    test("every flag that is not known is refused by both ioctls, and guest_memfd by the older one", () => {
      const m = new Machine(undefined, arch);
      for (let bit = 0; bit < 32; bit++) {
        const flags = 2 ** bit;
        const isKnown = (known & flags) !== 0;
        if (!isKnown || flags === KVM_MEM_GUEST_MEMFD) {
          expect(errno(setMemoryRegion(m.kvm, m.task, { ...region, flags }))).toBe("EINVAL");
        }
        if (!isKnown) expect(errno(setMemoryRegion2(m.kvm, m.task, { ...region, flags }))).toBe("EINVAL");
      }
    });

    test.each([KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY])(
      "guest_memfd goes with no other flag: %d",
      (other) => {
        const m = new Machine(undefined, arch);
        const guestMemfd = m.gmem(SIZE / PAGE_SIZE, 0n);
        const flags = KVM_MEM_GUEST_MEMFD | other;
        expect(errno(setMemoryRegion2(m.kvm, m.task, { ...region, flags, guestMemfd }))).toBe("EINVAL");
      },
    );
  },
);

describe.each(["arm64", "x86"] as const)(
  "set_memory_region_test, test_add_max_memory_regions, %s",
  (arch) => {
    test("as many memslots as KVM_CAP_NR_MEMSLOTS says can be added, and no more", () => {
      const m = new Machine(undefined, arch);
      m.store.onTrace = null;
      const most = ok(checkExtension(m.kvm.module, m.kvm, "KVM_CAP_NR_MEMSLOTS"));
      expect(most).toBe(arch === "x86" ? 32764 : 32767);
      for (let slot = 0; slot < most; slot++) {
        ok(m.set({ slot, guestPhysAddr: slot * SIZE, memorySize: SIZE, userspaceAddr: RAM + slot * SIZE }));
      }
      const extra = {
        slot: most,
        guestPhysAddr: most * SIZE,
        memorySize: SIZE,
        userspaceAddr: RAM + most * SIZE,
      };
      expect(errno(m.set(extra))).toBe("EINVAL");
    });
  },
);

describe("set_memory_region_test, test_add_private_memory_region", () => {
  const flags = KVM_MEM_GUEST_MEMFD;

  test("only a guest_memfd of this VM is one", () => {
    const m = protectedVm();
    const other = ok(m.kvm.module.createVm(m.task, KVM_X86_SW_PROTECTED_VM));
    const wrong = [openKvm(m.task, m.kvm.module), ok(memfdCreate(m.task, 0))];
    for (const guestMemfd of wrong) expect(errno(m.set({ flags, guestMemfd }))).toBe("EINVAL");
    const own = m.gmem(4, 0n);
    expect(
      errno(setMemoryRegion2(other, m.task, { slot: 0, flags, memorySize: 4 * PAGE_SIZE, guestMemfd: own })),
    ).toBe("EINVAL");
    expect(errno(m.set({ flags, guestMemfd: own }))).toBe("fine");
    expect(errno(close(m.task, own))).toBe("fine");
  });

  test("it is bound from a whole page on", () => {
    const m = protectedVm();
    const guestMemfd = m.gmem(4, 0n);
    for (let guestMemfdOffset = 1; guestMemfdOffset < PAGE_SIZE; guestMemfdOffset++) {
      expect(errno(m.set({ flags, guestMemfd, guestMemfdOffset }))).toBe("EINVAL");
    }
  });
});

describe("set_memory_region_test, test_add_overlapping_private_memory_regions", () => {
  test("memslots overlap neither in the file nor in guest addresses", () => {
    const m = protectedVm();
    const flags = KVM_MEM_GUEST_MEMFD;
    const guestMemfd = m.gmem((5 * SIZE) / PAGE_SIZE, 0n);
    const bind = (slot: number, guestPhysAddr: number, guestMemfdOffset: number) =>
      errno(
        m.set({
          slot,
          flags,
          guestPhysAddr,
          memorySize: 2 * SIZE,
          userspaceAddr: 0,
          guestMemfd,
          guestMemfdOffset,
        }),
      );
    expect(bind(10, GPA, 0)).toBe("fine");
    expect(bind(11, 2 * GPA, 2 * SIZE)).toBe("fine");
    expect(errno(m.set({ slot: 10, flags, guestPhysAddr: GPA, memorySize: 0, userspaceAddr: 0 }))).toBe(
      "fine",
    );
    expect(bind(10, GPA, SIZE)).toBe("EEXIST");
    expect(bind(10, GPA, 3 * SIZE)).toBe("EEXIST");
    expect(bind(10, 2 * GPA - SIZE, 0)).toBe("EEXIST");
    expect(bind(10, 2 * GPA + SIZE, 0)).toBe("EEXIST");
    expect(bind(10, GPA, 0)).toBe("fine");
  });
});

describe("set_memory_region_test, test_zero_memory_regions", () => {
  test("a guest without any memslot finds only devices", () => {
    const m = new Machine(undefined, "x86");
    expect(guestAccess(m.vcpu, 0, "read").exit).toEqual({ reason: "KVM_EXIT_MMIO" });
  });
});

describe("set_memory_region_test, test_move_memory_region", () => {
  test("a guest sees the memory at its address, or a device while the memslot moves, and never the page beside it", () => {
    const m = new Machine(undefined, "x86");
    m.anon(RAM, 2);
    hostAccess(m.task, RAM, 1);
    hostAccess(m.task, RAM + PAGE_SIZE, 2);
    ok(m.set({ memorySize: 2 * PAGE_SIZE }));
    const move = (guestPhysAddr: number) => () => ok(m.set({ memorySize: 2 * PAGE_SIZE, guestPhysAddr }));
    const guest = () => {
      const { value, exit } = guestAccess(m.vcpu, GPA, "read");
      return exit?.reason ?? value;
    };
    expect(verdict(explore(m, { vmm: move(GPA - PAGE_SIZE), guest }))).toBe("holds");
    // Aligned, what the VMM wrote there; moved down by a page, the second page; nothing else.
    const again = guestAccess(m.vcpu, GPA, "read");
    expect([again.value, again.exit?.reason]).toEqual([1, undefined]);
    move(GPA - PAGE_SIZE)();
    expect(guestAccess(m.vcpu, GPA, "read").value).toBe(2);
    move(GPA)();
    expect(guestAccess(m.vcpu, GPA, "read").value).toBe(1);
  });
});

describe("set_memory_region_test, test_delete_memory_region", () => {
  test.each(["arm64", "x86"] as const)(
    "where a memslot was deleted there is a device, until it is there again, %s",
    (arch) => {
      const m = new Machine(undefined, arch);
      m.anon(RAM, 4);
      ok(m.set());
      expect(guestAccess(m.vcpu, GPA, "write", 5).value).toBe(5);
      for (let i = 0; i < 2; i++) {
        ok(m.set({ memorySize: 0 }));
        expect(guestAccess(m.vcpu, GPA, "read").exit).toEqual({ reason: "KVM_EXIT_MMIO" });
        munmap(m.task, RAM, 4 * PAGE_SIZE);
        m.anon(RAM, 4);
        ok(m.set());
        expect(guestAccess(m.vcpu, GPA, "read").value).toBe(0);
      }
    },
  );
});
