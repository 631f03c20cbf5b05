import { nameFunctions } from "@kvmm/interleave";
import { KVM_MEMORY_ATTRIBUTE_PRIVATE } from "../flags.js";
import type { Kvm } from "../kvm.js";
import type { Gfn } from "../slots/memslot.js";

/** What kvm->mem_attr_array holds where room was made for an entry that is still to be stored (XA_ZERO_ENTRY). */
export const RESERVED = 1;

/** Attributes as an entry of kvm->mem_attr_array; none are no entry. */
export function entryOf(attributes: number): number {
  return attributes === 0 ? 0 : attributes + RESERVED;
}

function attributesOf(entry: number): number {
  return entry === 0 || entry === RESERVED ? 0 : entry - RESERVED;
}

/** kvm_supported_mem_attributes(). @param kvm null where /dev/kvm is asked */
export function supportedMemAttributes(kvm: Kvm | null): bigint {
  return kvm === null || kvm.mmu.traits.privateMem === true ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0n;
}

/** kvm_get_memory_attributes() */
export function memoryAttributes(kvm: Kvm, gfn: Gfn): number {
  return kvm.mmu.traits.memoryAttributes === true ? attributesOf(kvm.memAttrArray.get(gfn)) : 0;
}

/** kvm_mem_is_private() */
export function isPrivateGfn(kvm: Kvm, gfn: Gfn): boolean {
  return (BigInt(memoryAttributes(kvm, gfn)) & KVM_MEMORY_ATTRIBUTE_PRIVATE) !== 0n;
}

/** kvm_range_has_memory_attributes(): has every gfn of `[start, end)` just these attributes? */
export function rangeHasMemoryAttributes(kvm: Kvm, start: Gfn, end: Gfn, attributes: number): boolean {
  const array = kvm.memAttrArray;
  if ((BigInt(attributes) & ~supportedMemAttributes(kvm)) !== 0n) return false;
  if (end === start + 1) return attributesOf(array.get(start)) === attributes;
  if (attributes !== 0) {
    for (let gfn = start; gfn < end; gfn++) if (attributesOf(array.get(gfn)) !== attributes) return false;
    return true;
  }
  for (let gfn = array.next(start, end); gfn >= 0; gfn = array.next(gfn + 1, end)) {
    const reserved = array.get(gfn) === RESERVED;
    if (!reserved || kvm.behaviour.reservedAttributes === "entry") return false;
  }
  return true;
}

nameFunctions({
  kvm_get_memory_attributes: memoryAttributes,
  kvm_mem_is_private: isPrivateGfn,
  kvm_range_has_memory_attributes: rangeHasMemoryAttributes,
});
