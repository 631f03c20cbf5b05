import { nameFunctions } from "@kvmm/interleave";
import { type Hva, hex, type Result, refuse, type Task } from "@kvmm/mm-core";
import { INVALID_GPA, KVM_HVA_ERR_BAD } from "../flags.js";
import { accessOk } from "../slots/user-access.js";
import { type GfnToPfnCache, NO_PFN } from "./gfn-to-pfn-cache.js";
import { gpcIsValidLength, gpcRefreshLocked } from "./refresh.js";

/** kvm_gpc_activate(): a cache of a guest physical address. Under kvm->srcu. */
export function gpcActivate(task: Task, gpc: GfnToPfnCache, gpa: number, length: number): Result<0> {
  if (gpa === INVALID_GPA) {
    gpc.kvm.host.warn("kvm_gpc_activate", "INVALID_GPA is to be cached");
    return refuse(
      "EINVAL",
      "kvm_gpc_activate",
      "INVALID_GPA, which stands for a cache of a user address",
      "a guest physical address",
    );
  }
  return activate(task, gpc, gpa, KVM_HVA_ERR_BAD, length);
}

/** kvm_gpc_activate_hva(): a cache of a user address, which need not be in any memslot. */
export function gpcActivateHva(task: Task, gpc: GfnToPfnCache, uhva: Hva, length: number): Result<0> {
  if (!accessOk(BigInt(uhva), BigInt(length), gpc.kvm.module.taskSizeMax)) {
    return refuse(
      "EINVAL",
      "kvm_gpc_activate_hva",
      `${hex(uhva)} is beyond user space (access_ok)`,
      `addresses below ${hex(gpc.kvm.module.taskSizeMax)}`,
    );
  }
  return activate(task, gpc, INVALID_GPA, uhva, length);
}

/** __kvm_gpc_activate() */
function activate(task: Task, gpc: GfnToPfnCache, gpa: number, uhva: Hva, length: number): Result<0> {
  const { kvm } = gpc;
  if (kvm.behaviour.gpcActivateLocks === "init" && !gpc.active.get()) {
    gpc.lock.init();
    gpc.refreshLock.init();
  }
  if (!gpcIsValidLength(gpa, uhva, length)) {
    const from = hex(gpa === INVALID_GPA ? uhva : gpa);
    return refuse(
      "EINVAL",
      "__kvm_gpc_activate",
      `${length} bytes from ${from} on leave the page`,
      "one page",
    );
  }
  gpc.refreshLock.lock();
  if (!gpc.active.get()) {
    // On the list first: nothing may be cached that a notifier does not reach.
    kvm.gpcLock.lock();
    kvm.gpcList.update((all) => [gpc, ...all]);
    kvm.gpcLock.unlock();
    gpc.lock.writeLock();
    gpc.active.set(true);
    gpc.lock.writeUnlock();
  }
  const result = gpcRefreshLocked(task, gpc, gpa, uhva);
  gpc.refreshLock.unlock();
  return result;
}

/** kvm_gpc_deactivate() */
export function gpcDeactivate(gpc: GfnToPfnCache): void {
  const { kvm } = gpc;
  gpc.refreshLock.lock();
  if (gpc.active.get()) {
    gpc.lock.writeLock();
    gpc.active.set(false);
    gpc.valid.set(false);
    gpc.khva.set(0);
    gpc.pfn.set(NO_PFN);
    gpc.lock.writeUnlock();
    kvm.gpcLock.lock();
    kvm.gpcList.update((all) => all.filter((other) => other !== gpc));
    kvm.gpcLock.unlock();
  }
  gpc.refreshLock.unlock();
}

nameFunctions({
  kvm_gpc_activate: gpcActivate,
  kvm_gpc_activate_hva: gpcActivateHva,
  __kvm_gpc_activate: activate,
  kvm_gpc_deactivate: gpcDeactivate,
});
