import { type DecodeOptions, MAX_PACKET_SIZE } from "./decode-options.js";
import { HEADER, KIND_OF, Kind, payloadWidth } from "./header.js";
import type { DecodedPacket } from "./packet.js";

/** `perf` shows padding in groups of 16 bytes. */
const PADDING_GROUP = 16;

/**
 * Reads packets out of one piece of the input after the other. No function is made in here: this
 * runs for each packet.
 */
export class PacketReader {
  /** Bytes that `read` wanted, from the packet's start, when it returned undefined. */
  wanted = 0;
  readonly #base: number;
  readonly #asPerf: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #end = 0;
  #final = false;

  constructor(options: DecodeOptions) {
    this.#base = (options.base ?? 0) % MAX_PACKET_SIZE;
    this.#asPerf = options.asPerf ?? false;
  }

  /** Sets the piece to read, up to `end`. With `final` no bytes follow, and what is torn is bad. */
  open(bytes: Uint8Array, end: number, final: boolean): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = end;
    this.#final = final;
  }

  /** The packet at `at` (there is a byte), which is `offset` in the input; undefined if bytes are missing. */
  read(at: number, offset: number): DecodedPacket | undefined {
    const header = this.#bytes[at]!;
    const available = this.#end - at;
    switch (KIND_OF[header]) {
      case Kind.padding:
        return this.#padding(at, 1, offset, 0);
      case Kind.end:
        return { kind: "end", offset, size: 1 };
      case Kind.timestamp:
        if (available < 9) return this.#missing(9, header, offset);
        return { kind: "timestamp", value: this.#view.getBigUint64(at + 1, true), offset, size: 9 };
      case Kind.events: {
        const width = payloadWidth(header);
        if (available < 1 + width) return this.#missing(1 + width, header, offset);
        return { kind: "events", width, bits: this.#value(at + 1, width), offset, size: 1 + width };
      }
      case Kind.dataSource: {
        const width = payloadWidth(header);
        if (available < 1 + width) return this.#missing(1 + width, header, offset);
        return { kind: "data-source", width, value: this.#value(at + 1, width), offset, size: 1 + width };
      }
      case Kind.context: {
        if (available < 5) return this.#missing(5, header, offset);
        const value = this.#view.getUint32(at + 1, true);
        return { kind: "context", index: header & 3, value, offset, size: 5 };
      }
      case Kind.operation:
        if (available < 2) return this.#missing(2, header, offset);
        return { kind: "operation", class: header & 3, payload: this.#bytes[at + 1]!, offset, size: 2 };
      case Kind.address: {
        if (available < 9) return this.#missing(9, header, offset);
        const value = this.#view.getBigUint64(at + 1, true);
        return { kind: "address", index: header & 7, extended: false, value, offset, size: 9 };
      }
      case Kind.counter: {
        if (available < 3) return this.#missing(3, header, offset);
        const value = this.#view.getUint16(at + 1, true);
        return { kind: "counter", index: header & 7, extended: false, value, offset, size: 3 };
      }
      case Kind.extended:
        return this.#extended(at, header, available, offset);
      default:
        return { kind: "bad", reason: "unknown-header", byte: header, offset, size: 1 };
    }
  }

  /** A header of two bytes: an alignment, or an address or counter with an index of five bits. */
  #extended(at: number, header: number, available: number, offset: number): DecodedPacket | undefined {
    if (available < 2) return this.#missing(2, header, offset);
    const second = this.#bytes[at + 1]!;
    if (second === 0) {
      const shift = (header & 0xf) + 1;
      const skip = 2 ** shift - ((this.#base + offset) % 2 ** shift);
      if (this.#asPerf && shift > 4)
        return { kind: "bad", reason: "unknown-header", byte: header, offset, size: 1 };
      const wanted = this.#asPerf ? 2 ** shift : skip;
      if (available < wanted) return this.#missing(wanted, header, offset);
      return this.#padding(at, skip, offset, shift);
    }
    const kind = (header & 0xfc) === HEADER.extended ? KIND_OF[second] : Kind.unknown;
    const index = ((header & 3) << 3) | (second & 7);
    if (kind === Kind.address) {
      if (available < 10) return this.#missing(10, header, offset);
      const value = this.#view.getBigUint64(at + 2, true);
      return { kind: "address", index, extended: true, value, offset, size: 10 };
    }
    if (kind === Kind.counter) {
      if (available < 4) return this.#missing(4, header, offset);
      const value = this.#view.getUint16(at + 2, true);
      return { kind: "counter", index, extended: true, value, offset, size: 4 };
    }
    return { kind: "bad", reason: "unknown-header", byte: header, offset, size: 1 };
  }

  /** Padding, or with a shift an alignment, of at least `least` bytes and the zeros that follow in its group. */
  #padding(at: number, least: number, offset: number, shift: number): DecodedPacket | undefined {
    const bytes = this.#bytes;
    const end = this.#end;
    let size = least;
    while (size < PADDING_GROUP && at + size < end && bytes[at + size] === 0) size++;
    if (size < PADDING_GROUP && at + size === end && !this.#final) {
      this.wanted = size + 1;
      return undefined;
    }
    return shift === 0 ? { kind: "padding", offset, size } : { kind: "alignment", shift, offset, size };
  }

  #missing(bytes: number, header: number, offset: number): DecodedPacket | undefined {
    if (this.#final) return { kind: "bad", reason: "torn", byte: header, offset, size: 1 };
    this.wanted = bytes;
    return undefined;
  }

  #value(at: number, width: number): bigint {
    if (width === 8) return this.#view.getBigUint64(at, true);
    if (width === 4) return BigInt(this.#view.getUint32(at, true));
    return BigInt(width === 2 ? this.#view.getUint16(at, true) : this.#bytes[at]!);
  }
}
