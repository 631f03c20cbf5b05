import type { DecodeOptions } from "./decode-options.js";
import type { DecodedPacket } from "./packet.js";
import { PacketReader } from "./packet-reader.js";

/** Takes packets, in order. */
export type PacketSink = (packet: DecodedPacket) => void;

/**
 * Decodes a stream that arrives in chunks of any size. The packets are the same however the stream
 * is cut; what does not end in a chunk waits for the next, at most 64 KiB of it.
 */
export class PacketDecoder {
  readonly #reader: PacketReader;
  /** Bytes of a packet that has not ended, and what was looked at behind them. */
  #carry = new Uint8Array(32);
  #carried = 0;
  /** How many bytes have to be carried before it is worth to look again. */
  #wanted = 0;
  #offset = 0;

  constructor(options: DecodeOptions = {}) {
    this.#reader = new PacketReader(options);
  }

  /** Bytes decoded so far; those that wait for the rest of their packet do not count. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes the next chunk and hands over the packets that end in it. */
  push(chunk: Uint8Array, sink: PacketSink): void {
    let used = 0;
    while (this.#carried > 0) {
      const take = Math.min(this.#wanted - this.#carried, chunk.length - used);
      this.#append(chunk.subarray(used, used + take));
      used += take;
      if (this.#carried < this.#wanted) return;
      this.#decodeCarry(false, sink);
    }
    const rest = this.#decode(chunk, used, chunk.length, false, sink);
    this.#append(chunk.subarray(rest));
    this.#wanted = this.#reader.wanted;
  }

  /** Says that no more will come, and hands over what is left. */
  end(sink: PacketSink): void {
    this.#decodeCarry(true, sink);
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

  #decodeCarry(final: boolean, sink: PacketSink): void {
    const rest = this.#decode(this.#carry, 0, this.#carried, final, sink);
    this.#carry.copyWithin(0, rest, this.#carried);
    this.#carried -= rest;
    this.#wanted = this.#reader.wanted;
  }

  /** Hands over the packets in the bytes and returns where the first one that does not end there starts. */
  #decode(bytes: Uint8Array, from: number, to: number, final: boolean, sink: PacketSink): number {
    const reader = this.#reader;
    reader.open(bytes, to, final);
    let at = from;
    while (at < to) {
      const packet = reader.read(at, this.#offset);
      if (packet === undefined) return at;
      at += packet.size;
      this.#offset += packet.size;
      sink(packet);
    }
    return at;
  }
}
