import { isRefusal, OpenFile, type Result, type Task } from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import type { U64 } from "../slots/memory-region.js";
import { kvmDevOps, kvmVcpuOps, kvmVmOps } from "./file-ops.js";
import type { KvmModule } from "./kvm-module.js";
import { createVcpu } from "./vcpu.js";

/** open("/dev/kvm"). @returns the descriptor */
export function openKvm(task: Task, module: KvmModule): number {
  const { host, store } = module;
  return task.process.install(store.create(() => new OpenFile(host, "/dev/kvm", null, kvmDevOps, module)));
}

/** KVM_CREATE_VM. @returns the descriptor */
export function ioctlCreateVm(task: Task, module: KvmModule, type: U64): Result<number> {
  const kvm = module.createVm(task, type);
  if (isRefusal(kvm)) return kvm;
  const { host, store } = module;
  return task.process.install(store.create(() => new OpenFile(host, "kvm-vm", null, kvmVmOps, kvm)));
}

/** KVM_CREATE_VCPU. @returns the descriptor */
export function ioctlCreateVcpu(task: Task, kvm: Kvm, vcpuId: U64): Result<number> {
  const vcpu = createVcpu(kvm, task, vcpuId);
  if (isRefusal(vcpu)) return vcpu;
  const { host, store } = kvm;
  return task.process.install(
    store.create(() => new OpenFile(host, `kvm-vcpu:${vcpuId}`, null, kvmVcpuOps, vcpu)),
  );
}
