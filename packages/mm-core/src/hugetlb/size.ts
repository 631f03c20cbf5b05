import type { Host } from "../host.js";
import { NotModelled } from "../not-modelled.js";
import type { Hstate } from "./hstate.js";

/** Where memfd_create and mmap have the logarithm of the size of huge pages among their flags. */
const SIZE_SHIFT = 26;
const SIZE_MASK = 0x3f;

/** Bits of the flags that {@link hstateOfFlags} looks at: MFD_HUGE_MASK, MAP_HUGE_MASK. */
export const SIZE_FLAGS = (SIZE_MASK << SIZE_SHIFT) >>> 0;

/** Sizes that arm64 makes of contiguous entries (CONT_PTE_SIZE, CONT_PMD_SIZE). */
const CONTIGUOUS = [16, 25];

/** hstate_sizelog(): the pool of the size that the flags ask for, the default one for 0; null where there is none. */
export function hstateOfFlags(host: Host, flags: number): Hstate | null {
  const log = (flags >>> SIZE_SHIFT) & SIZE_MASK;
  if (CONTIGUOUS.includes(log)) throw new NotModelled(`huge pages of 2^${log} bytes`);
  return log === 0 ? host.hstates[0]! : (host.hstates.find(({ size }) => size === 2 ** log) ?? null);
}
