import { type DecodeOptions, MAX_PACKET_SIZE } from "./decode-options.js";
import { HEADER, KIND_OF, Kind, PAYLOAD_SIZE } from "./header.js";
import type { DecodedPacket, PayloadWidth } from "./packet.js";

/** `perf` shows padding in groups of 16 bytes. */
const PADDING_GROUP = 16;

/**
 * Finds packets in one piece of the input after the other. `scan` says what a packet is without making an object of it,
 * since it runs for each packet; `packet` makes one.
 */
export class PacketReader {
  /** Bytes that `scan` wanted, from the packet's start, when it returned false. */
  wanted = 0;
  /** A `Kind`: of the packet that `scan` found, as is all that follows. `Kind.unknown` is one bad byte. */
  kind: number = Kind.unknown;
  /** Bytes. */
  size = 0;
  /** Index of an address, counter or context; class of an operation. */
  index = 0;
  /** Has a header of two bytes. */
  extended = false;
  /** The exponent of an alignment. */
  shift = 0;
  /** A bad byte would start a packet, but the input ends inside it. */
  torn = false;
  readonly #base: number;
  readonly #asPerf: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #end = 0;
  #final = false;
  #at = 0;
  #payload = 0;

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

  /** Finds the packet at `at` (there is a byte), which is `offset` in the input; false if bytes are missing. */
  scan(at: number, offset: number): boolean {
    const header = this.#bytes[at]!;
    const kind = KIND_OF[header]!;
    this.#at = at;
    if (kind <= Kind.extended) {
      if (kind === Kind.padding) return this.#padding(at, 1, 0);
      if (kind === Kind.extended) return this.#extended(at, header, offset);
      return this.#bad(false);
    }
    return this.#plain(kind, header, at + 1, false, kind >= Kind.address ? header & 7 : header & 3);
  }

  /** The width of an events or data source packet's payload: bytes. */
  get width(): PayloadWidth {
    return (this.size - 1) as PayloadWidth;
  }

  /** The payload's first byte. */
  get u8(): number {
    return this.#bytes[this.#payload]!;
  }

  get u16(): number {
    return this.#view.getUint16(this.#payload, true);
  }

  get u32(): number {
    return this.#view.getUint32(this.#payload, true);
  }

  get u64(): bigint {
    return this.#view.getBigUint64(this.#payload, true);
  }

  /** Bits 55:0 of a payload of 8 bytes. */
  get low56(): bigint {
    return BigInt.asUintN(56, this.#view.getBigUint64(this.#payload, true));
  }

  /** Bits 63:56 of a payload of 8 bytes. */
  get top(): number {
    return this.#bytes[this.#payload + 7]!;
  }

  /** A payload of 1, 2, 4 or 8 bytes: of an events or data source packet. */
  get sized(): bigint {
    switch (this.size) {
      case 9:
        return this.u64;
      case 5:
        return BigInt(this.u32);
      case 3:
        return BigInt(this.u16);
      default:
        return BigInt(this.u8);
    }
  }

  /** The packet that `scan` found, which is `offset` in the input. */
  packet(offset: number): DecodedPacket {
    const { size, index, extended } = this;
    switch (this.kind) {
      case Kind.padding:
        return { kind: "padding", offset, size };
      case Kind.alignment:
        return { kind: "alignment", shift: this.shift, offset, size };
      case Kind.end:
        return { kind: "end", offset, size };
      case Kind.timestamp:
        return { kind: "timestamp", value: this.u64, offset, size };
      case Kind.events:
        return { kind: "events", width: this.width, bits: this.sized, offset, size };
      case Kind.dataSource:
        return { kind: "data-source", width: this.width, value: this.sized, offset, size };
      case Kind.context:
        return { kind: "context", index, value: this.u32, offset, size };
      case Kind.operation:
        return { kind: "operation", class: index, payload: this.u8, offset, size };
      case Kind.address:
        return { kind: "address", index, extended, value: this.u64, offset, size };
      case Kind.counter:
        return { kind: "counter", index, extended, value: this.u16, offset, size };
      default: {
        const reason = this.torn ? "torn" : "unknown-header";
        return { kind: "bad", reason, byte: this.#bytes[this.#at]!, offset, size };
      }
    }
  }

  /** A packet of header and payload. */
  #plain(kind: number, header: number, payload: number, extended: boolean, index: number): boolean {
    const size = payload - this.#at + PAYLOAD_SIZE[header]!;
    if (this.#at + size > this.#end) return this.#missing(size);
    this.kind = kind;
    this.size = size;
    this.index = index;
    this.extended = extended;
    this.#payload = payload;
    return true;
  }

  /** A header of two bytes: an alignment, or an address or counter with an index of five bits. */
  #extended(at: number, header: number, offset: number): boolean {
    const available = this.#end - at;
    if (available < 2) return this.#missing(2);
    const second = this.#bytes[at + 1]!;
    if (second === 0) {
      const shift = (header & 0xf) + 1;
      const skip = 2 ** shift - ((this.#base + offset) % 2 ** shift);
      if (this.#asPerf && shift > 4) return this.#bad(false);
      const wanted = this.#asPerf ? 2 ** shift : skip;
      return available < wanted ? this.#missing(wanted) : this.#padding(at, skip, shift);
    }
    const kind = (header & 0xfc) === HEADER.extended ? KIND_OF[second]! : Kind.unknown;
    if (kind !== Kind.address && kind !== Kind.counter) return this.#bad(false);
    return this.#plain(kind, second, at + 2, true, ((header & 3) << 3) | (second & 7));
  }

  /** Padding, or with a shift an alignment, of at least `least` bytes and the zeros that follow in its group. */
  #padding(at: number, least: number, shift: number): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let size = least;
    while (size < PADDING_GROUP && at + size < end && bytes[at + size] === 0) size++;
    if (size < PADDING_GROUP && at + size === end && !this.#final) {
      this.wanted = size + 1;
      return false;
    }
    this.kind = shift === 0 ? Kind.padding : Kind.alignment;
    this.size = size;
    this.shift = shift;
    return true;
  }

  #missing(bytes: number): boolean {
    if (this.#final) return this.#bad(true);
    this.wanted = bytes;
    return false;
  }

  #bad(torn: boolean): boolean {
    this.kind = Kind.unknown;
    this.size = 1;
    this.torn = torn;
    return true;
  }
}
