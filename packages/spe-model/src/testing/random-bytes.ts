/** Bytes that look random and are the same each time (a 32-bit xorshift). */
export function randomBytes(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state >>> 11;
  }
  return bytes;
}

/** The same bytes with one in `every` replaced. */
export function mutated(bytes: Uint8Array, every: number, seed: number): Uint8Array {
  const copy = bytes.slice();
  const random = randomBytes(2 * Math.ceil(bytes.length / every), seed);
  for (let at = 0, n = 0; at < copy.length; at += every, n += 2)
    copy[Math.min(copy.length - 1, at + (random[n]! % every))] = random[n + 1]!;
  return copy;
}

/** Bytes written in hexadecimal, with anything between them. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (byte) => Number.parseInt(byte, 16));
}
