/** A 64-bit descriptor from its two signed halves. */
export function join(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Bits 31:0 as a signed number. */
export function lowerHalf(desc: bigint): number {
  return Number(BigInt.asIntN(32, desc));
}

/** Bits 63:32 as a signed number. */
export function upperHalf(desc: bigint): number {
  return Number(BigInt.asIntN(32, desc >> 32n));
}
