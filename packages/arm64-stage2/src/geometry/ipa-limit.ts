import { EINVAL } from "../errno.js";
import type { Machine } from "../machine.js";
import { getVtcr, type VtcrOptions } from "./vtcr.js";

const PARANGE_BITS: readonly number[] = [32, 36, 40, 42, 44, 48, 52];
const PARANGE_48 = 5;
/** Where ID_AA64MMFR0_EL1 says whether stage 2 supports the page size. */
const TGRAN_2_SHIFT: Readonly<Record<number, bigint>> = { 4096: 40n, 16384: 32n, 65536: 36n };
const TGRAN_2_NONE = 1n;
const TGRAN_2_MAX = 7n;

const KVM_PHYS_SHIFT = 40;
const ARM64_MIN_PARANGE_BITS = 32;

/**
 * kvm_set_ipa_limit(): the largest IPA space in bits that VMs can have on this machine.
 * @returns the limit, or a negative errno
 */
export function setIpaLimit(machine: Machine, mmfr0: bigint): number {
  const tgran2 = (mmfr0 >> TGRAN_2_SHIFT[machine.pageSize]!) & 0xfn;
  if (tgran2 === TGRAN_2_NONE || tgran2 > TGRAN_2_MAX) return -EINVAL;
  let parange = Number(mmfr0 & 0xfn);
  if (!machine.lpa2 && machine.pageSize !== 65536) parange = Math.min(parange, PARANGE_48);
  return PARANGE_BITS[parange] ?? (machine.pa52 ? 52 : 48);
}

/**
 * kvm_init_ipa_range(): VTCR_EL2 for a VM whose KVM_CREATE_VM asked for `type` bits of IPA space, 0 for the default.
 * @param ipaLimit what {@link setIpaLimit} returned
 * @returns the register, or a negative errno as a number
 */
export function initIpaRange(
  machine: Machine,
  ipaLimit: number,
  type: number,
  mmfr0: bigint,
  mmfr1: bigint,
  options: VtcrOptions = {},
): bigint | number {
  let physShift = type & 0xff;
  if (physShift === 0) physShift = KVM_PHYS_SHIFT;
  else if (physShift < ARM64_MIN_PARANGE_BITS) return -EINVAL;
  if (physShift > ipaLimit) return -EINVAL;
  return getVtcr(machine, mmfr0, mmfr1, physShift, options);
}
