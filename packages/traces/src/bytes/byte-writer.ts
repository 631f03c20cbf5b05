import { utf8 } from "./utf8.js";

/** Collects little-endian numbers; grows as needed. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  /** Bytes written. */
  get size(): number {
    return this.#size;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: number | bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  zeros(count: number): this {
    this.#grow(count);
    return this;
  }

  /** Text, a zero byte, and zeros up to a multiple of 8 bytes. */
  text(value: string): this {
    const encoded = utf8.encode(value);
    this.bytes(encoded);
    return this.zeros(8 - (encoded.length % 8));
  }

  /** What was written, as a copy. */
  result(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  #grow(count: number): number {
    const at = this.#size;
    this.#size += count;
    if (this.#size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#size, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
