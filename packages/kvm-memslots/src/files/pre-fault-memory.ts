import { hex, isRefusal, type OpenFile, PAGE_SIZE, type Refusal, type Result, refuse } from "@kvmm/mm-core";
import { type U64, u64 } from "../slots/memory-region.js";
import type { Vcpu } from "./vcpu.js";

/** struct kvm_pre_fault_memory; what is left out is 0. */
export interface PreFaultMemory {
  readonly gpa: U64;
  readonly size: U64;
  readonly flags?: U64;
}

/** What the kernel wrote back: the part of the range that is left. */
export interface PreFaultLeft {
  readonly gpa: bigint;
  readonly size: bigint;
}

/** How KVM_PRE_FAULT_MEMORY went. What is left is told also where it fails. */
export interface PreFaulted {
  readonly result: Result<0>;
  readonly left: PreFaultLeft;
}

const PAGE = BigInt(PAGE_SIZE);

/** KVM_PRE_FAULT_MEMORY, kvm_vcpu_pre_fault_memory(). Under vcpu->mutex; only where the architecture has it. */
export function preFaultMemory(vcpu: Vcpu, range: PreFaultMemory): PreFaulted {
  const fn = "kvm_vcpu_pre_fault_memory";
  let gpa = u64(range.gpa);
  let size = u64(range.size);
  const flags = u64(range.flags);
  const refused = (reason: string, accepted: string) =>
    ({ result: refuse("EINVAL", fn, reason, accepted), left: { gpa, size } }) satisfies PreFaulted;
  if (flags !== 0n) return refused(`flags ${hex(flags)}`, "0");
  if (gpa % PAGE !== 0n || size % PAGE !== 0n) {
    return refused(
      `gpa ${hex(gpa)} or size ${hex(size)} is not page-aligned`,
      "multiples of the page size, 4096",
    );
  }
  if (size === 0n) return refused("size 0", "at least one page");
  if (gpa + size >= 1n << 64n)
    return refused(`gpa ${hex(gpa)} + size ${hex(size)} wraps`, "a range within 64 bits");

  const { kvm } = vcpu;
  const puts: OpenFile[] = [];
  const full = size;
  let refusal: Refusal | undefined;
  const idx = kvm.srcu.readLock();
  while (size > 0n && refusal === undefined) {
    const done = kvm.mmu.preFaultMemory!(vcpu, Number(gpa), puts);
    if (isRefusal(done)) refusal = done;
    else {
      const bytes = BigInt(done) < size ? BigInt(done) : size;
      gpa += bytes;
      size -= bytes;
    }
  }
  kvm.srcu.readUnlock(idx);
  for (const file of puts) file.put();
  // Once a page is mapped the call succeeds; what is left tells how far it came.
  const result = refusal !== undefined && size === full ? refusal : 0;
  return { result, left: { gpa, size } };
}
