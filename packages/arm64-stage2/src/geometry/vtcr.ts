import type { Machine } from "../machine.js";
import { type Geometry, geometryOf, pgdPages } from "./geometry.js";

// VTCR_EL2 (Arm ARM, D24.2): T0SZ 5:0, SL0 7:6, IRGN0 9:8, ORGN0 11:10, SH0 13:12, TG0 15:14, PS 18:16, VS 19, HA 21,
// RES1 31, DS 32.
const IRGN0_WBWA = 1n << 8n;
const ORGN0_WBWA = 1n << 10n;
const SH0_INNER = 3n << 12n;
const TG0: Readonly<Record<number, bigint>> = { 4096: 0n, 65536: 1n << 14n, 16384: 2n << 14n };
const VS_16BIT = 1n << 19n;
const HA = 1n << 21n;
const RES1 = 1n << 31n;
const DS = 1n << 32n;

const PARANGE_48 = 5n;
const PARANGE_52 = 6n;
const VMIDBITS_16 = 2n;

/** What {@link getVtcr} depends on besides the machine. */
export interface VtcrOptions {
  /** CONFIG_ARM64_HW_AFDBM. Default true. */
  readonly hwAfdbm?: boolean;
  /** ARM64_WORKAROUND_AMPERE_AC03_CPU_38: hardware management of the access flag stays off. Default false. */
  readonly ampereAc03Cpu38?: boolean;
}

/** What VTCR_EL2 says about the tables. */
export interface VtcrFields {
  /** Bits of the IPA space. */
  readonly iaBits: number;
  readonly startLevel: number;
  readonly levels: number;
  /** How many tables are concatenated at the first level. */
  readonly pgdPages: number;
}

/** kvm_get_vtcr(): the register for a VM of `physShift` IPA bits. */
export function getVtcr(
  machine: Machine,
  mmfr0: bigint,
  mmfr1: bigint,
  physShift: number,
  options: VtcrOptions = {},
): bigint {
  const geometry = geometryOf(machine.pageSize);
  let vtcr = IRGN0_WBWA | ORGN0_WBWA | SH0_INNER | TG0[machine.pageSize]! | RES1;
  vtcr |= getParange(machine, mmfr0) << 16n;
  vtcr |= BigInt(64 - physShift) & 0x3fn;
  const levels = Math.max(2, stage2PgtableLevels(geometry, physShift));
  vtcr |= BigInt((sl0Base(geometry) - (4 - levels)) & 3) << 6n;
  if (options.hwAfdbm !== false && options.ampereAc03Cpu38 !== true) vtcr |= HA;
  if (machine.lpa2) vtcr |= DS;
  if (((mmfr1 >> 4n) & 0xfn) === VMIDBITS_16) vtcr |= VS_16BIT;
  return vtcr;
}

/** The layout of the tables that a value of VTCR_EL2 asks for: VTCR_EL2_IPA(), VTCR_EL2_LVLS(), kvm_pgd_pages(). */
export function decodeVtcr(machine: Machine, vtcr: bigint): VtcrFields {
  const geometry = geometryOf(machine.pageSize);
  const iaBits = 64 - Number(vtcr & 0x3fn);
  const startLevel = sl0Base(geometry) - Number((vtcr >> 6n) & 3n);
  return { iaBits, startLevel, levels: 4 - startLevel, pgdPages: pgdPages(geometry, iaBits, startLevel) };
}

/** kvm_mmu_cache_min_pages(): table pages that mapping one page may need. */
export function mmuCacheMinPages(fields: VtcrFields): number {
  return fields.levels - 1;
}

/** kvm_pgtable_stage2_pgd_size(): bytes of the concatenated tables of the first level. */
export function pgdSize(machine: Machine, vtcr: bigint): number {
  return decodeVtcr(machine, vtcr).pgdPages * machine.pageSize;
}

/** stage2_pgtable_levels(): sixteen concatenated tables at the entry resolve four bits more. */
function stage2PgtableLevels(geometry: Geometry, physShift: number): number {
  return Math.floor((physShift - 4 - 4) / geometry.ptrsShift);
}

/** VTCR_EL2_TGRAN_SL0_BASE */
function sl0Base(geometry: Geometry): number {
  return geometry.pageSize === 4096 ? 2 : 3;
}

/** kvm_get_parange() */
function getParange(machine: Machine, mmfr0: bigint): bigint {
  const max = machine.lpa2 || (machine.pa52 && machine.pageSize === 65536) ? PARANGE_52 : PARANGE_48;
  const parange = mmfr0 & 0xfn;
  return parange > max ? max : parange;
}
