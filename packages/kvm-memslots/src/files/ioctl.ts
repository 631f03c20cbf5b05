import { nameFunctions } from "@kvmm/interleave";
import { hex, isRefusal, type OpenFile, type Refusal, type Result, refuse, type Task } from "@kvmm/mm-core";
import { type SetMemoryAttributes, setMemoryAttributes } from "../attributes/set-memory-attributes.js";
import type { PageRuns } from "../dirty/dirty-bitmap.js";
import { type ClearDirtyLog, clearDirtyLog, type GetDirtyLog, getDirtyLog } from "../dirty/dirty-log.js";
import { type CreateGuestMemfd, gmemCreate } from "../guest-memfd/create.js";
import { Kvm } from "../kvm.js";
import { type U64, type UserMemoryRegion, u64 } from "../slots/memory-region.js";
import { setMemoryRegion, setMemoryRegion2 } from "../slots/set-memory-region.js";
import { checkExtension, enableCap } from "./capabilities.js";
import { KvmModule } from "./kvm-module.js";
import { ioctlCreateVcpu, ioctlCreateVm } from "./open.js";
import { type PreFaultLeft, type PreFaultMemory, preFaultMemory } from "./pre-fault-memory.js";
import { Vcpu } from "./vcpu.js";

/** The structure that an ioctl points to; or only a pointer, which points to nothing. */
export type Argument<T> = T | { readonly argp: U64 };

/** An ioctl of KVM, with what it is given. */
export type KvmIoctl =
  | { readonly request: "KVM_CREATE_VM"; readonly type?: U64 }
  | { readonly request: "KVM_CREATE_VCPU"; readonly id?: U64 }
  | { readonly request: "KVM_CHECK_EXTENSION"; readonly extension: string }
  | {
      readonly request: "KVM_ENABLE_CAP";
      readonly arg: Argument<{ readonly cap: string; readonly flags?: U64; readonly args?: readonly U64[] }>;
    }
  | {
      readonly request: "KVM_SET_USER_MEMORY_REGION" | "KVM_SET_USER_MEMORY_REGION2";
      readonly arg: Argument<UserMemoryRegion>;
    }
  | { readonly request: "KVM_CREATE_GUEST_MEMFD"; readonly arg: Argument<CreateGuestMemfd> }
  | { readonly request: "KVM_GET_DIRTY_LOG"; readonly arg: Argument<GetDirtyLog> }
  | { readonly request: "KVM_CLEAR_DIRTY_LOG"; readonly arg: Argument<ClearDirtyLog> }
  | { readonly request: "KVM_PRE_FAULT_MEMORY"; readonly arg: Argument<PreFaultMemory> }
  | { readonly request: "KVM_SET_MEMORY_ATTRIBUTES"; readonly arg: Argument<SetMemoryAttributes> };

/** What an ioctl returned; KVM_GET_DIRTY_LOG also fills a bitmap, KVM_PRE_FAULT_MEMORY tells what is left. */
export interface IoctlValue {
  readonly ret: number;
  readonly dirty?: PageRuns;
  readonly left?: PreFaultLeft;
}

/** ioctl(2) on a descriptor of any kind: only /dev/kvm, VMs and vCPUs know the requests of KVM. */
export function kvmIoctl(task: Task, fd: number, call: KvmIoctl): Result<IoctlValue> {
  const file = task.process.file(fd);
  if (file === null || !file.tryGet())
    return refuse("EBADF", "ioctl", `descriptor ${fd} is not open`, "a descriptor of KVM");
  const result = dispatch(task, file, call);
  file.put();
  if (isRefusal(result)) return result;
  if (typeof result === "number") return { ret: result };
  return "left" in result ? { ret: 0, left: result.left } : { ret: 0, dirty: result };
}

function dispatch(
  task: Task,
  file: OpenFile,
  call: KvmIoctl,
): Result<number | PageRuns | { left: PreFaultLeft }> {
  const { data } = file;
  if (data instanceof KvmModule) return devIoctl(task, data, call);
  if (data instanceof Kvm) return vmIoctl(task, data, call);
  if (data instanceof Vcpu) return vcpuIoctl(task, data, call);
  return refuse("ENOTTY", "vfs_ioctl", `${file.ops.kind} knows no ${call.request}`, "a descriptor of KVM");
}

/** kvm_dev_ioctl(): /dev/kvm */
function devIoctl(task: Task, module: KvmModule, call: KvmIoctl): Result<number> {
  switch (call.request) {
    case "KVM_CREATE_VM":
      return ioctlCreateVm(task, module, call.type ?? 0);
    case "KVM_CHECK_EXTENSION":
      return checkExtension(module, null, call.extension);
    default:
      return refuse(
        "EINVAL",
        "kvm_arch_dev_ioctl",
        `/dev/kvm knows no ${call.request}`,
        "the descriptor of a VM",
      );
  }
}

/** kvm_vm_ioctl() */
function vmIoctl(task: Task, kvm: Kvm, call: KvmIoctl): Result<number | PageRuns> {
  const fn = "kvm_vm_ioctl";
  const dead = cannotUse(fn, kvm, task);
  if (dead !== undefined) return dead;
  if (call.request === "KVM_CHECK_EXTENSION") return checkExtension(kvm.module, kvm, call.extension);
  if (call.request === "KVM_CREATE_VCPU") return ioctlCreateVcpu(task, kvm, call.id ?? 0);
  const isUnknown =
    call.request === "KVM_CREATE_VM" ||
    call.request === "KVM_PRE_FAULT_MEMORY" ||
    (call.request === "KVM_SET_MEMORY_ATTRIBUTES" && kvm.mmu.traits.memoryAttributes !== true);
  if (isUnknown) {
    return refuse(
      kvm.mmu.traits.unknownVmIoctl,
      "kvm_arch_vm_ioctl",
      `a VM of this architecture knows no ${call.request}`,
      "requests of the architecture: KVM_CHECK_EXTENSION tells",
    );
  }
  const { arg } = call;
  if ("argp" in arg) return fault(fn, arg.argp);
  switch (call.request) {
    case "KVM_SET_USER_MEMORY_REGION":
      return setMemoryRegion(kvm, task, arg as UserMemoryRegion);
    case "KVM_SET_USER_MEMORY_REGION2":
      return setMemoryRegion2(kvm, task, arg as UserMemoryRegion);
    case "KVM_CREATE_GUEST_MEMFD":
      return gmemCreate(kvm, task, arg as CreateGuestMemfd);
    case "KVM_GET_DIRTY_LOG":
      return getDirtyLog(kvm, arg as GetDirtyLog);
    case "KVM_CLEAR_DIRTY_LOG":
      return clearDirtyLog(kvm, arg as ClearDirtyLog);
    case "KVM_SET_MEMORY_ATTRIBUTES":
      return setMemoryAttributes(kvm, arg as SetMemoryAttributes);
    case "KVM_ENABLE_CAP": {
      const { cap, flags, args } = arg as { cap: string; flags?: U64; args?: readonly U64[] };
      return enableCap(kvm, cap, flags ?? 0, args ?? []);
    }
  }
}

/** kvm_vcpu_ioctl() */
function vcpuIoctl(task: Task, vcpu: Vcpu, call: KvmIoctl): Result<number | { left: PreFaultLeft }> {
  const fn = "kvm_vcpu_ioctl";
  const { kvm } = vcpu;
  const dead = cannotUse(fn, kvm, task);
  if (dead !== undefined) return dead;
  if (call.request !== "KVM_PRE_FAULT_MEMORY" || !kvm.mmu.traits.preFaultMemory) {
    return refuse(
      "EINVAL",
      "kvm_arch_vcpu_ioctl",
      `a vCPU of this architecture knows no ${call.request}`,
      "requests of the architecture: KVM_CHECK_EXTENSION tells",
    );
  }
  vcpu.mutex.lock();
  const done = "argp" in call.arg ? fault(fn, call.arg.argp) : preFaultMemory(vcpu, call.arg);
  vcpu.mutex.unlock();
  if (isRefusal(done)) return done;
  return isRefusal(done.result) ? done.result : { left: done.left };
}

/** Descriptors of KVM work only in the process that created the VM, and not after a KVM_BUG_ON(). */
function cannotUse(fn: string, kvm: Kvm, task: Task): Refusal | undefined {
  if (kvm.mm !== task.mm) {
    return refuse("EIO", fn, `${task.name} is not of the process that created the VM`, "that process");
  }
  return kvm.vmDead.get()
    ? refuse("EIO", fn, "KVM has found a bug in itself (KVM_BUG_ON), and the VM is dead", "another VM")
    : undefined;
}

/** copy_from_user() of the structure. */
function fault(fn: string, argp: U64): Refusal {
  return refuse("EFAULT", fn, `no memory at ${hex(u64(argp))}`, "the address of the structure");
}

nameFunctions({
  kvm_dev_ioctl: devIoctl,
  kvm_vm_ioctl: vmIoctl,
  kvm_vcpu_ioctl: vcpuIoctl,
});
