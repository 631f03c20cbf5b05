import {
  checkExtension,
  createVcpu,
  enableCap,
  gmemCreate,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  kvmIoctl,
  openKvm,
} from "@kvmm/kvm-memslots";
import { fork, PAGE_SIZE, VmFlag } from "@kvmm/mm-core";
import { describe } from "vitest";
import { explains, mte, ok, Vm } from "./vm.js";

describe("a VM and its vCPUs explain", () => {
  explains([
    [
      "types of VM on arm64",
      () => new Vm().module.createVm(new Vm().vmm, 1),
      "EINVAL: kvm_arch_init_vm: VM type 1 (accepted: 0)",
    ],
    [
      "requests that /dev/kvm does not have",
      () => new Vm().ioctl("/dev/kvm", { request: "KVM_CREATE_VCPU" }),
      "EINVAL: kvm_arch_dev_ioctl: /dev/kvm knows no KVM_CREATE_VCPU (accepted: the descriptor of a VM)",
    ],
    [
      "another process",
      () => {
        const vm = new Vm();
        const kvm = openKvm(vm.vmm, vm.module);
        const fd = ok(kvmIoctl(vm.vmm, kvm, { request: "KVM_CREATE_VM" })).ret;
        return kvmIoctl(fork(vm.vmm), fd, { request: "KVM_CREATE_VCPU" });
      },
      "EIO: kvm_vm_ioctl: vmm's child is not of the process that created the VM (accepted: that process)",
    ],
    [
      "a VM in which KVM found a bug of its own",
      () => new Vm().ioctl("vm", { request: "KVM_CREATE_VCPU" }, true),
      "EIO: kvm_vm_ioctl: KVM has found a bug in itself (KVM_BUG_ON), and the VM is dead (accepted: another VM)",
    ],
    [
      "ids that no vCPU can have",
      () => createVcpu(new Vm().kvm, new Vm().vmm, 512),
      "EINVAL: kvm_vm_ioctl_create_vcpu: vCPU id 512 (accepted: ids below 512)",
    ],
    [
      "more vCPUs than a VM can have",
      () => {
        const vm = new Vm({ traits: { maxVcpus: 1 } });
        ok(createVcpu(vm.kvm, vm.vmm, 0));
        return createVcpu(vm.kvm, vm.vmm, 1);
      },
      "EINVAL: kvm_vm_ioctl_create_vcpu: the VM has 1 vCPUs already (accepted: no more of them (KVM_CAP_MAX_VCPUS))",
    ],
    [
      "an id that is taken",
      () => {
        const vm = new Vm();
        ok(createVcpu(vm.kvm, vm.vmm, 3));
        return createVcpu(vm.kvm, vm.vmm, 3);
      },
      "EEXIST: kvm_vm_ioctl_create_vcpu: the VM has a vCPU 3 already (accepted: another id)",
    ],
  ]);
});

describe("capabilities explain", () => {
  const ring = (size: number, cap = "KVM_CAP_DIRTY_LOG_RING_ACQ_REL") =>
    enableCap(new Vm().kvm, cap, 0, [size]);
  const sizes = "a power of 2 from 4096 to 1048576 bytes";
  explains([
    [
      "what only a VM can be asked",
      () => {
        const extension = "KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED";
        return checkExtension(new Vm({ traits: { extensions: { [extension]: 1 } } }).module, null, extension);
      },
      "EINVAL: kvm_vm_ioctl_check_extension: KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED of /dev/kvm (accepted: the descriptor of a VM)",
    ],
    [
      "dirty rings that the architecture does not have",
      () => ring(4096, "KVM_CAP_DIRTY_LOG_RING"),
      "EINVAL: kvm_vm_ioctl_enable_cap_generic: the architecture has no KVM_CAP_DIRTY_LOG_RING (accepted: KVM_CAP_DIRTY_LOG_RING_ACQ_REL)",
    ],
    [
      "dirty rings of odd sizes",
      () => ring(4097),
      `EINVAL: kvm_vm_ioctl_enable_dirty_log_ring: a ring of 4097 bytes, which is no power of 2 (accepted: ${sizes})`,
    ],
    [
      "small ones",
      () => ring(2048),
      `EINVAL: kvm_vm_ioctl_enable_dirty_log_ring: a ring of 2048 bytes, less than a page (accepted: ${sizes})`,
    ],
    [
      "large ones",
      () => ring(0x20_0000),
      `E2BIG: kvm_vm_ioctl_enable_dirty_log_ring: a ring of 2097152 bytes (accepted: ${sizes})`,
    ],
    [
      "dirty rings that come late",
      () => {
        const { kvm, vmm } = new Vm();
        ok(createVcpu(kvm, vmm, 0));
        return enableCap(kvm, "KVM_CAP_DIRTY_LOG_RING_ACQ_REL", 0, [4096]);
      },
      "EINVAL: kvm_vm_ioctl_enable_dirty_log_ring: the VM has vCPUs already (accepted: before the first KVM_CREATE_VCPU)",
    ],
    [
      "a bitmap beside a ring that there is not",
      () => enableCap(new Vm().kvm, "KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP", 0, []),
      "EINVAL: kvm_vm_ioctl_enable_cap_generic: there is no dirty ring (accepted: KVM_CAP_DIRTY_LOG_RING_ACQ_REL first, where there is one)",
    ],
    [
      "flags of KVM_ENABLE_CAP",
      () => enableCap(new Vm().kvm, "KVM_CAP_ARM_MTE", 1, []),
      "EINVAL: kvm_vm_ioctl_enable_cap: flags 0x1 (accepted: 0)",
    ],
    [
      "what cannot be enabled",
      () => enableCap(new Vm().kvm, "KVM_CAP_USER_MEMORY", 0, []),
      "EINVAL: kvm_vm_ioctl_enable_cap: KVM_CAP_USER_MEMORY cannot be enabled (accepted: KVM_CAP_ARM_MTE, where the machine has MTE)",
    ],
    [
      "what an architecture without capabilities is asked",
      () => {
        const { kvm } = new Vm();
        Object.defineProperty(kvm.mmu, "enableCap", { value: undefined });
        return enableCap(kvm, "KVM_CAP_USER_MEMORY", 0, []);
      },
      "EINVAL: kvm_vm_ioctl_enable_cap: KVM_CAP_USER_MEMORY cannot be enabled (accepted: capabilities that can be enabled for a VM)",
    ],
    [
      "MTE that comes late",
      () => {
        const { kvm, vmm } = new Vm({ traits: { mte: true } });
        ok(createVcpu(kvm, vmm, 0));
        return enableCap(kvm, "KVM_CAP_ARM_MTE", 0, []);
      },
      "EINVAL: kvm_vm_ioctl_enable_cap: the VM has vCPUs already (accepted: before the first KVM_CREATE_VCPU)",
    ],
    [
      "MTE beside a guest_memfd",
      () => {
        const vm = new Vm({ traits: { mte: true } });
        vm.gmem();
        return enableCap(vm.kvm, "KVM_CAP_ARM_MTE", 0, []);
      },
      "EINVAL: kvm_vm_ioctl_enable_cap: slot 0 (gfn 0x80000 to 0x80004, user memory 0x200000000000 to 0x200000004000) has a guest_memfd, which excludes MTE (accepted: before memslots with guest_memfd)",
    ],
  ]);
});

describe("an architecture explains", () => {
  explains([
    [
      "guest addresses that x86 does not have",
      () => new Vm({ arch: "x86" }).set({ guestPhysAddr: 2 ** 52 }),
      "EINVAL: kvm_arch_prepare_memory_region: slot 0 (gfn 0x10000000000 to 0x10000000004, user memory 0x200000000000 to 0x200000004000) is beyond 52 bits of address (accepted: ranges that end at or below 0x10000000000000)",
    ],
    [
      "a guest_memfd in a VM with MTE",
      () => {
        const vm = mte();
        const guestMemfd = ok(gmemCreate(vm.kvm, vm.vmm, { size: 4 * PAGE_SIZE, flags: 1n }));
        return vm.set({ flags: KVM_MEM_GUEST_MEMFD, guestMemfd });
      },
      "EINVAL: kvm_arch_prepare_memory_region: a guest_memfd in a VM with MTE (accepted: a VM without KVM_CAP_ARM_MTE, or other memory)",
    ],
    [
      "memory without tags in a VM with MTE",
      () => {
        const vm = mte();
        vm.map(ok(gmemCreate(vm.kvm, vm.vmm, { size: 4 * PAGE_SIZE, flags: 1n })));
        return vm.set();
      },
      "EINVAL: kvm_arch_prepare_memory_region: guest_memfd is mapped at 0x200000000000, which cannot have tags, in a VM with MTE (accepted: anonymous memory or memfd)",
    ],
    [
      "dirty logging of device memory",
      () => {
        const vm = new Vm();
        const [vma] = vm.vmm.mm.vmas.peek();
        vm.vmm.mm.mmapLock.writeLock();
        vma!.change({ flags: vma!.fields.flags | VmFlag.pfnmap });
        vm.vmm.mm.mmapLock.writeUnlock();
        return vm.set({ flags: KVM_MEM_LOG_DIRTY_PAGES });
      },
      "EINVAL: kvm_arch_prepare_memory_region: dirty logging of device memory, mapped at 0x200000000000 (accepted: a memslot without KVM_MEM_LOG_DIRTY_PAGES, or other memory)",
    ],
  ]);
});
