import {
  clearDirtyLog,
  createGpc,
  createVcpu,
  type GfnToPfnCache,
  gpcActivate,
  gpcActivateHva,
  gpcReadIfValid,
  gpcRefresh,
  KVM_MEM_LOG_DIRTY_PAGES,
  mteCopyTags,
  preFaultMemory,
  setMemoryAttributes,
} from "@kvmm/kvm-memslots";
import { close, FallocFlag, fallocate, munmap, PAGE_SIZE, PageFlag, type Result } from "@kvmm/mm-core";
import { describe } from "vitest";
import { explains, GFN, GPA, mte, ok, RAM, Vm } from "./vm.js";

/** FALLOC_FL_ZERO_RANGE */
const ZERO_RANGE = 0x10;
const NAME = "slot 0 (gfn 0x80000 to 0x80004, user memory 0x200000000000 to 0x200000004000)";

describe("a guest's page of a guest_memfd explains", () => {
  explains([
    [
      "that the file is closed",
      () => {
        const vm = new Vm();
        const { fd, page } = vm.gmem();
        ok(close(vm.vmm, fd));
        return page();
      },
      `EFAULT: kvm_gmem_get_pfn: the guest_memfd of ${NAME} is closed (accepted: a memslot whose guest_memfd is kept open)`,
    ],
    [
      "that it is being closed",
      () => {
        const { slot, file, page } = new Vm().gmem();
        // kvm_gmem_release() comes between the two looks at slot->gmem.file.
        file.tryGet = () => {
          slot.gmemFile.set(null);
          return true;
        };
        return page();
      },
      `EFAULT: __kvm_gmem_get_pfn: the guest_memfd of ${NAME} is being closed (accepted: a memslot whose guest_memfd is kept open)`,
    ],
    [
      "that the page is not bound to the memslot",
      () => new Vm().gmem().page(GFN + 4),
      `EIO: __kvm_gmem_get_pfn: page 4 of the guest_memfd is not bound to ${NAME} (accepted: a page that is bound to this memslot)`,
    ],
    [
      "that there is no memory for it",
      () => {
        const vm = new Vm({}, 0, PAGE_SIZE);
        return vm.gmem().page();
      },
      "ENOMEM: __kvm_gmem_get_pfn: no memory for page 0 of the guest_memfd (accepted: the same, once memory is free)",
    ],
    [
      "that it is poisoned",
      () => {
        const vm = new Vm();
        const { page } = vm.gmem();
        vm.host.frames.mark(ok(page()), PageFlag.hwpoison);
        return page();
      },
      /^EHWPOISON: __kvm_gmem_get_pfn: page 0 of the guest_memfd \(frame \d+\) is poisoned \(accepted: another page: a hole punched there makes room for it\)$/,
    ],
  ]);
});

describe("fallocate of a guest_memfd explains", () => {
  explains([
    [
      "modes that it does not have",
      () => {
        const vm = new Vm();
        return fallocate(vm.vmm, vm.gmem().fd, FallocFlag.keepSize | ZERO_RANGE, 0, PAGE_SIZE);
      },
      "EOPNOTSUPP: kvm_gmem_fallocate: mode 0x11 (accepted: FALLOC_FL_KEEP_SIZE, with or without FALLOC_FL_PUNCH_HOLE)",
    ],
    [
      "that there is no memory",
      () => {
        const vm = new Vm({}, 0, PAGE_SIZE);
        return fallocate(vm.vmm, vm.gmem().fd, FallocFlag.keepSize, 0, 2 * PAGE_SIZE);
      },
      "ENOMEM: kvm_gmem_allocate: no memory for page 0 of the file (accepted: the same, once memory is free)",
    ],
  ]);
});

describe("the dirty log explains", () => {
  const clear = (slot: number, numPages: number) => {
    const vm = new Vm();
    ok(vm.set({ memorySize: 100 * PAGE_SIZE, flags: KVM_MEM_LOG_DIRTY_PAGES }));
    return clearDirtyLog(vm.kvm, { slot, firstPage: 0, numPages, dirtyBitmap: [] });
  };
  explains([
    [
      "slots that there cannot be",
      () => clear(0x7fff, 64),
      "EINVAL: kvm_clear_dirty_log_protect: slot 0x7fff (accepted: ids below 32767, address spaces below 1)",
    ],
    [
      "ranges that end within a word",
      () => clear(0, 65),
      "EINVAL: kvm_clear_dirty_log_protect: num_pages 65 from page 0 on, which is not up to the memslot's end (accepted: a multiple of 64, or 100)",
    ],
  ]);
});

describe("KVM_SET_MEMORY_ATTRIBUTES explains", () => {
  const set = (args: object, failReserveAt: number | null = null) => {
    const { kvm } = new Vm({ arch: "x86" }, 1);
    kvm.failReserveAt = failReserveAt;
    return setMemoryAttributes(kvm, { address: GPA, size: PAGE_SIZE, attributes: 8n, ...args });
  };
  const fn = "kvm_vm_ioctl_set_mem_attributes";
  explains([
    ["flags", () => set({ flags: 1 }), `EINVAL: ${fn}: flags 0x1 (accepted: 0)`],
    [
      "parts of pages",
      () => set({ address: 1 }),
      `EINVAL: ${fn}: address 0x1 or size 0x1000 is not page-aligned (accepted: multiples of the page size, 4096)`,
    ],
    [
      "that there is no memory",
      () => set({}, GFN),
      "ENOMEM: kvm_vm_set_mem_attributes: no memory for the entry of gfn 0x80000 (accepted: the same, once memory is free)",
    ],
  ]);
});

describe("KVM_PRE_FAULT_MEMORY explains", () => {
  const fn = "kvm_vcpu_pre_fault_memory";
  const fault = (vm: Vm, range: object = {}) =>
    preFaultMemory(ok(createVcpu(vm.kvm, vm.vmm, 0)), { gpa: GPA, size: PAGE_SIZE, ...range }).result;
  const x86 = () => new Vm({ arch: "x86" });
  explains([
    ["flags", () => fault(x86(), { flags: 1 }), `EINVAL: ${fn}: flags 0x1 (accepted: 0)`],
    [
      "ranges that wrap",
      () => fault(x86(), { gpa: -4096n, size: 2 * PAGE_SIZE }),
      `EINVAL: ${fn}: gpa 0xfffffffffffff000 + size 0x2000 wraps (accepted: a range within 64 bits)`,
    ],
    [
      "memory that is not there",
      () => {
        const vm = x86();
        ok(vm.set());
        ok(munmap(vm.vmm, RAM, PAGE_SIZE));
        return fault(vm);
      },
      "EFAULT: kvm_mmu_faultin_pfn: no page for gpa 0x80000000 (accepted: a memslot with memory behind it)",
    ],
    [
      "a memslot that is going",
      () => {
        const vm = x86();
        ok(vm.set());
        const vcpu = ok(createVcpu(vm.kvm, vm.vmm, 0));
        // As a task sees it that comes between the two halves of a delete.
        let result: Result<0> = 0;
        vm.kvm.mmu.flushShadowMemslot = () => {
          result = preFaultMemory(vcpu, { gpa: GPA, size: PAGE_SIZE }).result;
        };
        ok(vm.set({ memorySize: 0 }));
        return result;
      },
      `EAGAIN: kvm_mmu_faultin_pfn: ${NAME} is being deleted or moved (accepted: the same once more)`,
    ],
  ]);
});

describe("KVM_ARM_MTE_COPY_TAGS explains", () => {
  const fn = "kvm_vm_ioctl_mte_copy_tags";
  const copy = (vm: Vm, args: object = {}) =>
    mteCopyTags(vm.kvm, vm.vmm, { guestIpa: GPA, length: PAGE_SIZE, ...args });
  explains([
    [
      "a VM without MTE",
      () => copy(new Vm()),
      `EINVAL: ${fn}: the VM has no MTE (accepted: KVM_ENABLE_CAP(KVM_CAP_ARM_MTE) first, where there is one)`,
    ],
    [
      "flags",
      () => copy(mte(), { flags: 2 }),
      `EINVAL: ${fn}: flags 0x2 (accepted: 0 or KVM_ARM_TAGS_FROM_GUEST (1))`,
    ],
    [
      "parts of pages",
      () => copy(mte(), { length: 1 }),
      `EINVAL: ${fn}: guest_ipa 0x80000000 or length 0x1 is not page-aligned (accepted: multiples of the page size, 4096)`,
    ],
    [
      "what an int cannot tell",
      () => copy(mte(), { length: 2n ** 31n }),
      `EINVAL: ${fn}: length 0x80000000 (accepted: at most 0x7fffffff)`,
    ],
    [
      "memory that is not there",
      () => copy(mte()),
      `EFAULT: ${fn}: no page at gpa 0x80000000 (accepted: guest physical addresses of a memslot with memory, writable where tags are written)`,
    ],
    [
      "dirty logging",
      () => {
        const vm = mte();
        ok(vm.set({ flags: KVM_MEM_LOG_DIRTY_PAGES }));
        return copy(vm);
      },
      `EBUSY: ${fn}: 1 memslots are logged, and tags leave no mark in the log (accepted: no dirty logging)`,
    ],
  ]);
});

describe("a pfncache explains", () => {
  const cached = (call: (vm: Vm, gpc: GfnToPfnCache) => Result<unknown>) => () => {
    const vm = new Vm({ arch: "x86" });
    ok(vm.set());
    const gpc = createGpc(vm.kvm);
    const idx = vm.kvm.srcu.readLock();
    const result = call(vm, gpc);
    vm.kvm.srcu.readUnlock(idx);
    return result;
  };
  explains([
    [
      "INVALID_GPA",
      cached((vm, gpc) => gpcActivate(vm.vmm, gpc, -1, 8)),
      "EINVAL: kvm_gpc_activate: INVALID_GPA, which stands for a cache of a user address (accepted: a guest physical address)",
    ],
    [
      "addresses of the kernel",
      cached((vm, gpc) => gpcActivateHva(vm.vmm, gpc, 2 ** 47, 8)),
      "EINVAL: kvm_gpc_activate_hva: 0x800000000000 is beyond user space (access_ok) (accepted: addresses below 0x7ffffffff000)",
    ],
    [
      "a refresh across pages",
      cached((vm, gpc) => {
        ok(gpcActivate(vm.vmm, gpc, GPA + 8, 8));
        return gpcRefresh(vm.vmm, gpc, PAGE_SIZE);
      }),
      "EINVAL: kvm_gpc_refresh: 4096 bytes from 0x80000008 on leave the page (accepted: one page)",
    ],
    [
      "a refresh of what was never activated",
      cached((vm, gpc) => gpcRefresh(vm.vmm, gpc, 8)),
      "EINVAL: __kvm_gpc_refresh: the cache is not active (accepted: kvm_gpc_activate() first)",
    ],
    [
      "memory that is not there",
      cached((vm, gpc) => {
        ok(munmap(vm.vmm, RAM, PAGE_SIZE));
        return gpcActivate(vm.vmm, gpc, GPA, 8);
      }),
      "EFAULT: hva_to_pfn_retry: no page at 0x200000000000 that may be written (accepted: a user address with writable memory)",
    ],
    [
      "a use of what is not valid",
      cached((_, gpc) => gpcReadIfValid(gpc, 8)),
      "EAGAIN: kvm_gpc_check: the cache is not valid (accepted: kvm_gpc_refresh() first)",
    ],
  ]);
});
