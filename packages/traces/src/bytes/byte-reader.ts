import { utf8 } from "./utf8.js";

/** Reads numbers of a piece of a file; what lies beyond its end reads as zero. */
export class ByteReader {
  readonly size: number;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, littleEndian = true) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = littleEndian;
    this.size = bytes.length;
  }

  u16(at: number): number {
    return at >= 0 && at + 2 <= this.size ? this.#view.getUint16(at, this.#little) : 0;
  }

  u32(at: number): number {
    return at >= 0 && at + 4 <= this.size ? this.#view.getUint32(at, this.#little) : 0;
  }

  i32(at: number): number {
    return this.u32(at) | 0;
  }

  u64(at: number): bigint {
    return at >= 0 && at + 8 <= this.size ? this.#view.getBigUint64(at, this.#little) : 0n;
  }

  /** A u64 as a number; above 2^53 it is Infinity, which no bounds check lets through. */
  size64(at: number): number {
    const value = this.u64(at);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
  }

  /** Text up to a zero byte, at most `length` bytes. */
  text(at: number, length: number): string {
    const end = Math.min(at + length, this.size);
    let stop = at;
    while (stop < end && this.#bytes[stop] !== 0) stop++;
    return utf8.decode(this.#bytes.subarray(at, stop));
  }
}
