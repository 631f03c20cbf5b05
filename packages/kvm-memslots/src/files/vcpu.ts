import { add, Mutex, Shared } from "@kvmm/interleave";
import { type Refusal, type Result, refuse, type Task } from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import type { AccessKind, GuestAccess } from "../mmu/guest-access.js";
import { type U64, u64 } from "../slots/memory-region.js";

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

/**
 * KVM_CREATE_VCPU, kvm_vm_ioctl_create_vcpu(), without the descriptor. As in 7.3 all of it is under kvm->lock; 7.2 drops
 * the lock in between, and looks only then whether the id is taken, with the same errno.
 */
export function createVcpu(kvm: Kvm, task: Task, vcpuId: U64): Result<Vcpu> {
  kvm.lock.lock();
  const refusal = checkVcpuId(kvm, u64(vcpuId));
  if (refusal === undefined) {
    add(kvm.createdVcpus, 1);
    kvm.vcpuIds.update((all) => [...all, Number(vcpuId)]);
    add(kvm.usersCount, 1);
  }
  kvm.lock.unlock();
  if (refusal !== undefined) return refusal;
  return kvm.store.create(() => {
    const vcpu = new Vcpu(kvm, Number(vcpuId), task);
    kvm.mmu.vcpuCreate(vcpu);
    return vcpu;
  });
}

/** Under kvm->lock. */
function checkVcpuId(kvm: Kvm, id: bigint): Refusal | undefined {
  const fn = "kvm_vm_ioctl_create_vcpu";
  const { maxVcpus, maxVcpuIds } = kvm.mmu.traits;
  if (id >= maxVcpuIds) return refuse("EINVAL", fn, `vCPU id ${id}`, `ids below ${maxVcpuIds}`);
  if (kvm.createdVcpus.get() >= maxVcpus)
    return refuse(
      "EINVAL",
      fn,
      `the VM has ${maxVcpus} vCPUs already`,
      "no more of them (KVM_CAP_MAX_VCPUS)",
    );
  if (!kvm.vcpuIds.get().includes(Number(id))) return undefined;
  return refuse("EEXIST", fn, `the VM has a vCPU ${id} already`, "another id");
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
