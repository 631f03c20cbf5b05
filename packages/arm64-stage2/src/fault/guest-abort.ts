import { AGAIN, repeat } from "@kvmm/interleave";
import { type AccessKind, type GuestAccess, type GuestExit, type GuestFault, gfnToHva, type Vcpu } from "@kvmm/kvm-memslots";
import { type Errno, ERRNO, isRefusal, type OpenFile, PAGE_SIZE, pages } from "@kvmm/mm-core";
import type { Ipa } from "../address.js";
import { Walk } from "../walk/flags.js";
import type { Arm64Mmu } from "./arm64-mmu.js";
import { gmemAbort } from "./gmem-abort.js";
import { translate } from "./hardware-walk.js";
import { userMemAbort } from "./user-mem-abort.js";

/**
 * A guest's access to the first word at a guest physical address: the hardware's walk, and kvm_handle_guest_abort()
 * for each fault, until the access is done or KVM_RUN returns.
 */
export function guestAccess(mmu: Arm64Mmu, vcpu: Vcpu, gpa: Ipa, access: AccessKind, value: number): GuestAccess {
  const { store, host } = vcpu.kvm;
  const { frames } = host;
  const faults: GuestFault[] = [];
  return repeat<GuestAccess>(store, `the guest's ${access} of ${gpa.toString(16)}`, () => {
    const done = store.atomic(`the guest's ${access}`, () => {
      const translation = translate(mmu.pgt, gpa, access, mmu.hardwareAccessFlag);
      if ("fault" in translation) return translation;
      const pfn = pages(translation.pa);
      if (access === "write") frames.word.set(pfn, value);
      return frames.word.get(pfn);
    });
    if (typeof done === "number") return { faults, value: done };
    faults.push({ access, kind: done.fault });
    const exit = handleGuestAbort(mmu, vcpu, gpa, access, done.fault, done.level);
    return exit === null ? AGAIN : { faults, exit };
  });
}

/** kvm_handle_guest_abort(). @returns null: back to the guest, which makes the access again */
function handleGuestAbort(
  mmu: Arm64Mmu,
  vcpu: Vcpu,
  gpa: Ipa,
  access: AccessKind,
  kind: GuestFault["kind"],
  level: number,
): GuestExit | null {
  const { kvm } = vcpu;
  const puts: OpenFile[] = [];
  const idx = kvm.srcu.readLock();
  const exit = resolve(mmu, vcpu, gpa, access, kind, level, puts);
  kvm.srcu.readUnlock(idx);
  // fput() works after the kernel is left.
  for (const file of puts) file.put();
  return exit;
}

function resolve(
  mmu: Arm64Mmu,
  vcpu: Vcpu,
  gpa: Ipa,
  access: AccessKind,
  kind: GuestFault["kind"],
  level: number,
  puts: OpenFile[],
): GuestExit | null {
  const { kvm } = vcpu;
  const gfn = pages(gpa);
  const slot = kvm.gfnToMemslot(gfn);
  const hva = gfnToHva(slot, gfn, access === "write");
  if (slot === null || typeof hva !== "number") {
    kvm.store.trace("kvm_handle_guest_abort", () => `no memslot for a ${access} of ${gpa.toString(16)}: MMIO`);
    return { reason: "KVM_EXIT_MMIO" };
  }
  if (kind === "access_flag") {
    // handle_access_fault()
    kvm.mmuLock.readLock();
    mmu.pgt.mkyoung(gpa, Walk.SHARED);
    kvm.mmuLock.readUnlock();
    return null;
  }
  const ipa = (gfn * PAGE_SIZE) as Ipa;
  const fault = { mmu, vcpu, ipa, slot, hva, access, kind, level };
  if (slot.hasGmem) {
    const ret = gmemAbort(fault, puts);
    if (isRefusal(ret)) {
      kvm.store.trace(ret.fn, () => `${ret.reason}: KVM_EXIT_MEMORY_FAULT`);
      return { reason: "KVM_EXIT_MEMORY_FAULT", errno: ret.errno };
    }
    return ret === 0 ? null : { errno: nameOf(ret) };
  }
  const ret = userMemAbort(fault);
  if (ret === "hwpoison") return { reason: "KVM_EXIT_INTR", errno: "EINTR", signal: "SIGBUS", code: "BUS_MCEERR_AR" };
  return ret === 0 ? null : { errno: nameOf(ret) };
}

function nameOf(ret: number): Errno {
  for (const [name, number] of Object.entries(ERRNO)) if (number === -ret) return name as Errno;
  throw new RangeError(`${ret} is no errno of the model`);
}
