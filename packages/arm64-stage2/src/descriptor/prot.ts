/**
 * enum kvm_pgtable_prot: what a mapping allows. A union of these bits. The kernel has SW0..SW3 at the place that they
 * have in descriptors (55 to 58); here they follow the others.
 */
export const Prot = {
  /** EL1 may execute. */
  PX: 1 << 0,
  /** EL0 may execute. */
  UX: 1 << 1,
  W: 1 << 2,
  R: 1 << 3,
  DEVICE: 1 << 4,
  NORMAL_NC: 1 << 5,
  SW0: 1 << 6,
  SW1: 1 << 7,
  SW2: 1 << 8,
  SW3: 1 << 9,
  X: 3,
  RW: 12,
  RWX: 15,
} as const;

/** A union of {@link Prot} bits. */
export type Prot = number;

export const PROT_SW_SHIFT = 6;
export const PROT_SW_MASK = 0xf << PROT_SW_SHIFT;
const PROT_ALL = (1 << 10) - 1;

const NAMES = ["PX", "UX", "W", "R", "DEVICE", "NORMAL_NC", "SW0", "SW1", "SW2", "SW3"] as const;

/** Throws a RangeError if there are other bits than those of {@link Prot}. */
export function checkProt(prot: Prot, what: string): void {
  if (Number.isInteger(prot) && prot >= 0 && prot <= PROT_ALL) return;
  throw new RangeError(`${what}: ${String(prot)} is no union of Prot bits`);
}

/** `PX|UX|W|R`: the names of the bits from the lowest; empty for 0. */
export function formatProt(prot: Prot): string {
  checkProt(prot, "formatProt");
  return NAMES.filter((_, bit) => (prot >>> bit) & 1).join("|");
}

/** Reads what {@link formatProt} writes; also knows `X`, `RW` and `RWX`. @throws RangeError at an unknown name */
export function parseProt(text: string): Prot {
  let prot = 0;
  if (text === "") return prot;
  for (const name of text.split("|")) {
    if (!Object.hasOwn(Prot, name)) throw new RangeError(`parseProt: "${name}" is no name of a Prot bit`);
    prot |= Prot[name as keyof typeof Prot];
  }
  return prot;
}
