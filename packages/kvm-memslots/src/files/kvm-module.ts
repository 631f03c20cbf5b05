import { Cell, Shared, Sparse } from "@kvmm/interleave";
import { type Host, type Result, refuse, type Task } from "@kvmm/mm-core";
import { type KvmBehaviour, kvm72 } from "../behaviour.js";
import { Kvm } from "../kvm.js";
import type { ArchTraits, SecondaryMmu } from "../mmu/secondary-mmu.js";
import { type U64, u64 } from "../slots/memory-region.js";

/** An architecture: what makes the second stage of translation of a new VM. */
export interface Architecture {
  readonly name: string;
  /** What /dev/kvm says, and a VM of type 0 has. */
  readonly traits: ArchTraits;
  /** kvm_arch_init_vm(): refuses types that it does not know. Must not touch shared state. */
  checkVmType(type: bigint): Result<0>;
  createMmu(kvm: Kvm, type: bigint): SecondaryMmu;
}

export interface KvmModuleOptions {
  readonly architecture: Architecture;
  /** Default: Linux 7.2. */
  readonly behaviour?: KvmBehaviour;
  /** TASK_SIZE_MAX, where the addresses of user space end. Default: that of the architecture. */
  readonly taskSizeMax?: number;
}

/** KVM as it is loaded on a host. */
export class KvmModule extends Shared {
  readonly architecture: Architecture;
  readonly behaviour: KvmBehaviour;
  readonly taskSizeMax: number;
  /** vm_list */
  readonly vms: Cell<readonly Kvm[]>;
  /** MTE allocation tags of host frames, one number for a page; what a frame has outlives its use. */
  readonly mteTags: Sparse;

  constructor(
    readonly host: Host,
    options: KvmModuleOptions,
  ) {
    super(host.store, "kvm");
    this.architecture = options.architecture;
    this.behaviour = options.behaviour ?? kvm72;
    this.taskSizeMax = options.taskSizeMax ?? options.architecture.traits.taskSizeMax;
    this.vms = new Cell<readonly Kvm[]>(host.store, "vm_list", []);
    this.mteTags = new Sparse(host.store, "MTE tags");
  }

  /** kvm_create_vm(): a VM of the task's process, whose MMU notifiers it listens to from now on. */
  createVm(task: Task, type: U64 = 0): Result<Kvm> {
    const vmType = u64(type);
    const refusal = this.architecture.checkVmType(vmType);
    if (refusal !== 0) return refusal;
    const { mm } = task;
    const { architecture, store } = this;
    const kvm = store.create(
      () => new Kvm(this, task, "kvm", (made) => architecture.createMmu(made, vmType)),
    );
    // mmu_notifier_register(): who registered last is called first.
    mm.mmapLock.writeLock();
    mm.notifiers.update((all) => [kvm, ...all]);
    mm.mmapLock.writeUnlock();
    this.vms.update((all) => [...all, kvm]);
    return kvm;
  }

  override restore(): void {}
}

/** For architectures that know one type of VM. */
export function onlyTypeZero(fn: string, type: bigint): Result<0> {
  return type === 0n ? 0 : refuse("EINVAL", fn, `VM type ${type}`, "0");
}
