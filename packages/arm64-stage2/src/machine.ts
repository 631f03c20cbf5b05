import { geometryOf, type PageSize } from "./geometry/geometry.js";

/** What the page-table code asks about the machine and the kernel's configuration. */
export interface Machine {
  /** PAGE_SIZE */
  readonly pageSize: PageSize;
  /** ARM64_HAS_STAGE2_FWB: stage 2 can force write-back, so that no cache maintenance is needed. */
  readonly fwb: boolean;
  /** ARM64_HAS_XNX: execute permission of EL0 and EL1 apart from each other. */
  readonly xnx: boolean;
  /** system_supports_tlb_range() */
  readonly tlbRange: boolean;
  /** kvm_lpa2_is_enabled(): 52-bit addresses with 4K and 16K pages. */
  readonly lpa2: boolean;
  /** CONFIG_ARM64_PA_BITS_52 */
  readonly pa52: boolean;
  /** CTR_EL0.DIC: instruction fetches are coherent with data, no invalidation of the instruction cache is needed. */
  readonly dic: boolean;
}

/** A machine of today: 4K pages, FWB, XNX and range TLBIs, 48-bit addresses. */
export const DEFAULT_MACHINE: Machine = {
  pageSize: 4096,
  fwb: true,
  xnx: true,
  tlbRange: true,
  lpa2: false,
  pa52: false,
  dic: true,
};

/** {@link DEFAULT_MACHINE} but for what is given. @throws RangeError for a machine that cannot be */
export function machine(features: Partial<Machine> = {}): Machine {
  const made = { ...DEFAULT_MACHINE, ...features };
  geometryOf(made.pageSize);
  if (made.lpa2 && made.pageSize === 65536) {
    throw new RangeError(
      "machine: LPA2 is for 4K and 16K pages; 64K pages have 52-bit addresses by LPA (pa52)",
    );
  }
  return made;
}
