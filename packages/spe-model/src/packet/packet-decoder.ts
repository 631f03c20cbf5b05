import type { DecodeOptions } from "./decode-options.js";
import type { DecodedPacket } from "./packet.js";
import { PacketStream } from "./packet-stream.js";

/** Takes packets, in order. */
export type PacketSink = (packet: DecodedPacket) => void;

/**
 * Decodes a stream that arrives in chunks of any size. The packets are the same however the stream
 * is cut; what does not end in a chunk waits for the next, at most 64 KiB of it.
 */
export class PacketDecoder {
  readonly #stream: PacketStream;
  #sink: PacketSink = () => {};

  constructor(options: DecodeOptions = {}) {
    this.#stream = new PacketStream(options, (reader, offset) => this.#sink(reader.packet(offset)));
  }

  /** Bytes decoded so far; those that wait for the rest of their packet do not count. */
  get offset(): number {
    return this.#stream.offset;
  }

  /** Takes the next chunk and hands over the packets that end in it. */
  push(chunk: Uint8Array, sink: PacketSink): void {
    this.#sink = sink;
    this.#stream.push(chunk);
  }

  /** Says that no more will come, and hands over what is left. */
  end(sink: PacketSink): void {
    this.#sink = sink;
    this.#stream.end();
  }
}
