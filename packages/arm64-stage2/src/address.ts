declare const space: unique symbol;

/** An intermediate physical address: what the guest takes for a physical one. */
export type Ipa = number & { readonly [space]: "ipa" };

/** A physical address of the host. */
export type Pa = number & { readonly [space]: "pa" };

/** Addresses have at most 52 bits; the exclusive end of the largest address space is an address too. */
export const ADDRESS_LIMIT = 2 ** 52;

/** @throws RangeError if it is no address */
export function ipa(address: number): Ipa {
  checkAddress(address, "ipa");
  return address as Ipa;
}

/** @throws RangeError if it is no address */
export function pa(address: number): Pa {
  checkAddress(address, "pa");
  return address as Pa;
}

/** Throws a RangeError unless `value` is an integer from 0 to 2^52. */
export function checkAddress(value: number, what: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= ADDRESS_LIMIT) return;
  throw new RangeError(`${what}: ${String(value)} is not an integer from 0 to 2^52`);
}

/** `0x` and at least one digit. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
