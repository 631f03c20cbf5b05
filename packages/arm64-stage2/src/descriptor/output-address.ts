import type { Pa } from "../address.js";
import type { Machine } from "../machine.js";

const TWO_32 = 2 ** 32;
const TWO_48 = 2 ** 48;
const TWO_50 = 2 ** 50;

/**
 * Where a descriptor keeps its output address: bits 47 (LPA2: 49) down to the page size in place; with 64K pages
 * PA 51:48 in bits 15:12; with LPA2 PA 51:50 in bits 9:8. Bits of an address that have no place are lost.
 */
export interface AddressLayout {
  readonly maskLo: number;
  readonly maskHi: number;
  /** What the address bits moved to bits 15:12 or 9:8 are divided by; 0: none are moved. */
  readonly movedUnit: number;
  readonly movedMask: number;
  readonly movedShift: number;
}

export function addressLayout(machine: Machine): AddressLayout {
  const maskLo = -machine.pageSize;
  if (machine.lpa2) return { maskLo, maskHi: 0x3ffff, movedUnit: TWO_50, movedMask: 3, movedShift: 8 };
  if (machine.pageSize === 65536)
    return { maskLo, maskHi: 0xffff, movedUnit: TWO_48, movedMask: 15, movedShift: 12 };
  return { maskLo, maskHi: 0xffff, movedUnit: 0, movedMask: 0, movedShift: 0 };
}

/** kvm_phys_to_pte(), lower half. */
export function physToPteLo(layout: AddressLayout, phys: number): number {
  const lo = (phys | 0) & layout.maskLo;
  if (layout.movedUnit === 0) return lo;
  return lo | ((Math.floor(phys / layout.movedUnit) & layout.movedMask) << layout.movedShift);
}

/** kvm_phys_to_pte(), upper half. */
export function physToPteHi(layout: AddressLayout, phys: number): number {
  return ((phys / TWO_32) | 0) & layout.maskHi;
}

/** kvm_pte_to_phys() */
export function pteToPhys(layout: AddressLayout, lo: number, hi: number): Pa {
  const address = (hi & layout.maskHi) * TWO_32 + ((lo & layout.maskLo) >>> 0);
  if (layout.movedUnit === 0) return address as Pa;
  return (address + ((lo >>> layout.movedShift) & layout.movedMask) * layout.movedUnit) as Pa;
}
