import type { FileOps } from "@kvmm/mm-core";
import { putKvm } from "../destroy-vm.js";
import type { Kvm } from "../kvm.js";
import type { Vcpu } from "./vcpu.js";

/** /dev/kvm (kvm_chardev_ops) */
export const kvmDevOps: FileOps = { kind: "/dev/kvm" };

/** A VM (kvm_vm_fops) */
export const kvmVmOps: FileOps = {
  kind: "kvm-vm",
  release: (file) => putKvm(file.data as Kvm),
};

/** A vCPU (kvm_vcpu_fops). Its struct kvm_run can be mapped; that is not modelled. */
export const kvmVcpuOps: FileOps = {
  kind: "kvm-vcpu",
  release: (file) => putKvm((file.data as Vcpu).kvm),
};
