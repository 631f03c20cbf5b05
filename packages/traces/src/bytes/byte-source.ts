/** A file, or anything else that is read in pieces. */
export interface ByteSource {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `offset`, at most `length`; fewer only at the end. */
  read(offset: number, length: number): Uint8Array;
}

/** A source of bytes that are in memory already. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, Math.min(offset + length, bytes.length)),
  };
}
