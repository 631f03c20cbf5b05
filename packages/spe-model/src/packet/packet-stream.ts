import type { DecodeOptions } from "./decode-options.js";
import { PacketReader } from "./packet-reader.js";

/** Looks at the packet that the reader has found, which is `offset` in the stream. */
export type PacketVisitor = (reader: PacketReader, offset: number) => void;

/** Finds the packets of a stream that arrives in chunks of any size. */
export class PacketStream {
  readonly #reader: PacketReader;
  readonly #visit: PacketVisitor;
  /** Bytes of a packet that has not ended, and what was looked at behind them. */
  #carry = new Uint8Array(32);
  #carried = 0;
  /** How many bytes have to be carried before it is worth to look again. */
  #wanted = 0;
  #offset = 0;

  constructor(options: DecodeOptions, visit: PacketVisitor) {
    this.#reader = new PacketReader(options);
    this.#visit = visit;
  }

  /** Bytes decoded so far; those that wait for the rest of their packet do not count. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes the next chunk and visits the packets that end in it. */
  push(chunk: Uint8Array): void {
    let used = 0;
    while (this.#carried > 0) {
      const take = Math.min(this.#wanted - this.#carried, chunk.length - used);
      this.#append(chunk.subarray(used, used + take));
      used += take;
      if (this.#carried < this.#wanted) return;
      this.#decodeCarry(false);
    }
    const rest = this.#decode(chunk, used, chunk.length, false);
    this.#append(chunk.subarray(rest));
    this.#wanted = this.#reader.wanted;
  }

  /** Says that no more will come, and visits what is left. */
  end(): void {
    this.#decodeCarry(true);
  }

  #append(bytes: Uint8Array): void {
    const size = this.#carried + bytes.length;
    if (size > this.#carry.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#carry.length));
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    this.#carry.set(bytes, this.#carried);
    this.#carried = size;
  }

  #decodeCarry(final: boolean): void {
    const rest = this.#decode(this.#carry, 0, this.#carried, final);
    this.#carry.copyWithin(0, rest, this.#carried);
    this.#carried -= rest;
    this.#wanted = this.#reader.wanted;
  }

  /** Visits the packets in the bytes and returns where the first one that does not end there starts. */
  #decode(bytes: Uint8Array, from: number, to: number, final: boolean): number {
    const reader = this.#reader;
    const visit = this.#visit;
    reader.open(bytes, to, final);
    let at = from;
    let offset = this.#offset;
    while (at < to && reader.scan(at, offset)) {
      visit(reader, offset);
      at += reader.size;
      offset += reader.size;
      this.#offset = offset;
    }
    return at;
  }
}
