import { add, Mutex, Shared } from "@kvmm/interleave";
import type { Task } from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import type { AccessKind, GuestAccess } from "../mmu/guest-access.js";

/** struct kvm_vcpu, and the thread that runs it. */
export class Vcpu extends Shared {
  readonly mutex: Mutex;

  constructor(
    readonly kvm: Kvm,
    readonly vcpuId: number,
    /** The thread that calls KVM_RUN. */
    readonly task: Task,
  ) {
    super(kvm.store, `vcpu ${vcpuId}`);
    this.mutex = new Mutex(kvm.store, `vcpu ${vcpuId}->mutex`);
  }

  override restore(): void {}
}

/** KVM_CREATE_VCPU, without the descriptor. */
export function createVcpu(kvm: Kvm, task: Task, vcpuId: number): Vcpu {
  add(kvm.usersCount, 1);
  add(kvm.createdVcpus, 1);
  return kvm.store.create(() => {
    const vcpu = new Vcpu(kvm, vcpuId, task);
    kvm.mmu.vcpuCreate(vcpu);
    return vcpu;
  });
}

/**
 * KVM_RUN for one access of the guest: until it is done, or KVM_RUN returns without.
 * @param value the word that a write writes
 */
export function guestAccess(vcpu: Vcpu, gpa: number, kind: AccessKind, value = 0): GuestAccess {
  vcpu.mutex.lock();
  const result = vcpu.kvm.mmu.access(vcpu, gpa, kind, value);
  vcpu.mutex.unlock();
  return result;
}
