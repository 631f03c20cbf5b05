import { EINVAL } from "../errno.js";
import type { Machine } from "../machine.js";
import {
  AF,
  MEMATTR_MASK,
  MEMATTR_SHIFT,
  S2AP_R,
  S2AP_W,
  SH_INNER,
  SW_MASK_HI,
  SW_SHIFT_HI,
  VALID,
  XN_MASK_HI,
  XN_SHIFT_HI,
  Xn,
} from "./layout.js";
import { PROT_SW_MASK, PROT_SW_SHIFT, Prot } from "./prot.js";

/** Values of the MemAttr field (Arm ARM, D8.6.6 and, with FWB, D8.6.7). */
const MEMATTR = { deviceNGnRE: 1, normalNc: 5, normal: 0xf, normalFwb: 6, asS1: 0xf, asS1Fwb: 7 } as const;

/** The MemAttr field of each memory type for one set of tables (PAGE_S2_MEMATTR, KVM_S2_MEMATTR), in its place. */
export interface MemAttrs {
  readonly normal: number;
  readonly normalNc: number;
  readonly device: number;
}

/** @param asS1 KVM_PGTABLE_S2_AS_S1: stage 1 decides, whatever the type */
export function memAttrs(machine: Machine, asS1: boolean): MemAttrs {
  if (asS1) {
    const attr = (machine.fwb ? MEMATTR.asS1Fwb : MEMATTR.asS1) << MEMATTR_SHIFT;
    return { normal: attr, normalNc: attr, device: attr };
  }
  return {
    normal: (machine.fwb ? MEMATTR.normalFwb : MEMATTR.normal) << MEMATTR_SHIFT,
    normalNc: MEMATTR.normalNc << MEMATTR_SHIFT,
    device: MEMATTR.deviceNGnRE << MEMATTR_SHIFT,
  };
}

/** Attributes of a leaf as the two halves of a descriptor, or why there are none. */
export interface Attributes {
  lo: number;
  hi: number;
}

/**
 * stage2_set_xn_attr(): the XN field for the execute permissions in `prot`.
 * @returns the upper half's bits, or a negative errno
 */
export function setXnAttr(machine: Machine, prot: Prot): number {
  const px = (prot & Prot.PX) !== 0;
  const ux = (prot & Prot.UX) !== 0;
  if (!machine.xnx && px !== ux) return -EINVAL;
  if (px) return (ux ? Xn.None : Xn.Unprivileged) << XN_SHIFT_HI;
  return (ux ? Xn.Privileged : Xn.All) << XN_SHIFT_HI;
}

/**
 * stage2_set_prot_attr(): the attributes of a new leaf.
 * @param into receives them
 * @returns 0, or a negative errno
 */
export function setProtAttr(machine: Machine, attrs: MemAttrs, prot: Prot, into: Attributes): number {
  let lo = attrs.normal;
  const type = prot & (Prot.DEVICE | Prot.NORMAL_NC);
  if (type !== 0) {
    if (type === (Prot.DEVICE | Prot.NORMAL_NC)) return -EINVAL;
    if ((prot & Prot.X) !== 0) return -EINVAL;
    lo = type === Prot.DEVICE ? attrs.device : attrs.normalNc;
  }
  const xn = setXnAttr(machine, prot);
  if (xn < 0) return xn;
  if ((prot & Prot.R) !== 0) lo |= S2AP_R;
  if ((prot & Prot.W) !== 0) lo |= S2AP_W;
  if (!machine.lpa2) lo |= SH_INNER;
  into.lo = lo | AF;
  into.hi = xn | (((prot & PROT_SW_MASK) >>> PROT_SW_SHIFT) << SW_SHIFT_HI);
  return 0;
}

/** kvm_pgtable_stage2_pte_prot(): what a descriptor allows; of an invalid one only the software bits. */
export function protOfHalves(lo: number, hi: number): Prot {
  const sw = ((hi & SW_MASK_HI) >>> SW_SHIFT_HI) << PROT_SW_SHIFT;
  if ((lo & VALID) === 0) return sw;
  let prot = sw;
  if ((lo & S2AP_R) !== 0) prot |= Prot.R;
  if ((lo & S2AP_W) !== 0) prot |= Prot.W;
  return prot | xnProt((hi & XN_MASK_HI) >>> XN_SHIFT_HI);
}

function xnProt(xn: number): Prot {
  switch (xn) {
    case Xn.None:
      return Prot.X;
    case Xn.Privileged:
      return Prot.UX;
    case Xn.Unprivileged:
      return Prot.PX;
    default:
      return 0;
  }
}

/** stage2_pte_executable(): may anybody execute? */
export function pteExecutable(lo: number, hi: number): boolean {
  return (lo & VALID) !== 0 && (hi & XN_MASK_HI) !== Xn.All << XN_SHIFT_HI;
}

/** stage2_pte_cacheable(): a valid entry of normal, cacheable memory. */
export function pteCacheable(attrs: MemAttrs, lo: number): boolean {
  return (lo & VALID) !== 0 && (lo & MEMATTR_MASK) === attrs.normal;
}
