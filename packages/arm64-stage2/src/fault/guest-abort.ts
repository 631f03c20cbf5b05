import { AGAIN, nameFunctions, repeat } from "@kvmm/interleave";
import {
  type AccessKind,
  type GuestAccess,
  type GuestExit,
  type GuestFault,
  gfnToHva,
  type Vcpu,
} from "@kvmm/kvm-memslots";
import { hex, isRefusal, type OpenFile, PAGE_SIZE, pages } from "@kvmm/mm-core";
import type { Ipa } from "../address.js";
import { errnoOf } from "../errno.js";
import { Walk } from "../walk/flags.js";
import type { Arm64Mmu } from "./arm64-mmu.js";
import { type FaultDesc, type FaultStatus, isWriteFault, type Syndrome } from "./fault-desc.js";
import { gmemAbort } from "./gmem-abort.js";
import { translate } from "./hardware-walk.js";
import { injectSea, injectSizeFault } from "./inject.js";
import { userMemAbort } from "./user-mem-abort.js";

/** What is special about an access. */
export interface AccessOptions {
  /** It is the hardware's, on its way through the guest's own page table, at this level of that. */
  readonly stage1Walk?: number;
  /** It is exclusive or atomic in a way that normal memory does not support (LD64B, ST64B without FEAT_LS64WB). */
  readonly unsupportedAtomic?: boolean;
}

/** The hardware's part: the word, or the fault that it raises. */
interface Trap {
  readonly status: FaultStatus;
  readonly level: number;
}

const NAMES: Readonly<Record<AccessKind, string>> = {
  read: "the guest's read",
  write: "the guest's write",
  exec: "the guest's fetch of an instruction",
};

/**
 * A guest's access to the first word at a guest physical address: the hardware's walk, and kvm_handle_guest_abort()
 * for each fault, until the access is done, the guest takes an exception instead, or KVM_RUN returns.
 */
export function guestAccess(
  mmu: Arm64Mmu,
  vcpu: Vcpu,
  gpa: Ipa,
  access: AccessKind,
  value: number,
  options: AccessOptions = {},
): GuestAccess {
  const { store } = vcpu.kvm;
  const stage1Walk = options.stage1Walk ?? null;
  const all: GuestFault[] = [];
  const done = repeat<GuestAccess>(store, NAMES[access], () => {
    // Explored, nothing passes from one round to the next: only the last round's fault is told.
    const faults = store.task === null ? all : [];
    const found = hardwareAccess(mmu, vcpu, gpa, access, value, options.unsupportedAtomic === true);
    if (typeof found === "number") return { faults, value: found };
    const syndrome: Syndrome = { access, status: found.status, level: found.level, stage1Walk };
    const beyond = beyondIpaSpace(mmu, gpa, syndrome);
    if (beyond !== null) return { faults, exit: beyond };
    // trace_kvm_guest_fault()
    if (found.status !== "excl_atomic") faults.push({ access, kind: found.status });
    const exit = handleGuestAbort(mmu, vcpu, gpa, syndrome);
    return exit === null ? AGAIN : { faults, exit };
  });
  if (store.task === null) mmu.unlinkedTables.reclaim();
  return done;
}

/** One step of the hardware. */
function hardwareAccess(
  mmu: Arm64Mmu,
  vcpu: Vcpu,
  gpa: Ipa,
  access: AccessKind,
  value: number,
  unsupportedAtomic: boolean,
): number | Trap {
  const { store, host } = vcpu.kvm;
  return store.atomic<number | Trap>(NAMES[access], () => {
    const translation = translate(mmu.pgt, gpa, access, mmu.hardwareAccessFlag);
    if ("fault" in translation) return { status: translation.fault, level: translation.level };
    if (unsupportedAtomic) return { status: "excl_atomic", level: translation.level };
    const pfn = pages(translation.pa);
    if (access === "write") host.frames.word.set(pfn, value);
    return host.frames.word.get(pfn);
  });
}

/** Accesses that no memslot can ever answer: the guest gets an exception. */
function beyondIpaSpace(mmu: Arm64Mmu, gpa: Ipa, syndrome: Syndrome): GuestExit | null {
  if (syndrome.status !== "translation" || gpa < mmu.pgt.limit) return null;
  mmu.kvm.store.trace(
    "kvm_handle_guest_abort",
    () =>
      `${hex(gpa)} is beyond the VM's ${mmu.pgt.iaBits} bits of guest physical address: an abort for the guest`,
  );
  return gpa >= 2 ** mmu.ipaLimit ? injectSizeFault(syndrome) : injectSea(syndrome);
}

/** kvm_handle_guest_abort(). @returns null: back to the guest, which makes the access again */
function handleGuestAbort(mmu: Arm64Mmu, vcpu: Vcpu, gpa: Ipa, syndrome: Syndrome): GuestExit | null {
  const { kvm } = vcpu;
  const puts: OpenFile[] = [];
  const idx = kvm.srcu.readLock();
  const exit = resolve(mmu, vcpu, gpa, syndrome, puts);
  kvm.srcu.readUnlock(idx);
  // fput() works after the kernel is left.
  for (const file of puts) file.put();
  return exit;
}

function resolve(
  mmu: Arm64Mmu,
  vcpu: Vcpu,
  gpa: Ipa,
  syndrome: Syndrome,
  puts: OpenFile[],
): GuestExit | null {
  const { kvm } = vcpu;
  const fn = "kvm_handle_guest_abort";
  const { access } = syndrome;
  const gfn = pages(gpa);
  const slot = kvm.gfnToMemslot(gfn);
  const isWrite = isWriteFault(mmu, syndrome);
  const hva = gfnToHva(slot, gfn, isWrite);
  if (slot === null || typeof hva !== "number") {
    const what = slot === null ? "no memslot" : `${slot} is not there`;
    if (access === "exec" || syndrome.stage1Walk !== null) {
      kvm.store.trace(fn, () => `${what} for code or page tables at ${hex(gpa)}: an abort for the guest`);
      return injectSea(syndrome);
    }
    kvm.store.trace(fn, () => `${what} for a ${access} of ${hex(gpa)}: MMIO`);
    return { reason: "KVM_EXIT_MMIO" };
  }
  if (syndrome.status === "access_flag") {
    handleAccessFault(mmu, gpa);
    return null;
  }
  const ipa = (gfn * PAGE_SIZE) as Ipa;
  const { status, level, stage1Walk } = syndrome;
  const fault: FaultDesc = { access, status, level, stage1Walk, mmu, vcpu, ipa, slot, hva, isWrite };
  if (slot.hasGmem) {
    const ret = gmemAbort(fault, puts);
    if (isRefusal(ret)) {
      // kvm_prepare_memory_fault_exit()
      kvm.store.trace(ret.fn, () => `${ret.reason}: KVM_EXIT_MEMORY_FAULT`);
      return { reason: "KVM_EXIT_MEMORY_FAULT", errno: ret.errno };
    }
    return ret === 0 ? null : { errno: errnoOf(ret) };
  }
  const ret = userMemAbort(fault);
  if (typeof ret !== "number") return ret;
  return ret === 0 ? null : { errno: errnoOf(ret) };
}

/** handle_access_fault(): where the hardware does not set the access flag. */
function handleAccessFault({ kvm, pgt }: Arm64Mmu, gpa: Ipa): void {
  kvm.mmuLock.readLock();
  pgt.mkyoung(gpa, Walk.SHARED);
  kvm.mmuLock.readUnlock();
}

nameFunctions({
  kvm_handle_guest_abort: handleGuestAbort,
  handle_access_fault: handleAccessFault,
});
