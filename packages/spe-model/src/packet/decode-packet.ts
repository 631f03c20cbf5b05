import { HEADER, KIND_OF, Kind, payloadWidth } from "./header.js";
import type { DecodedPacket } from "./packet.js";

/** What decides between readings of the same bytes. */
export interface DecodeOptions {
  /**
   * Address, in the profiling buffer, of the first input byte, from which alignment packets count.
   * Only its lower 16 bits matter: in an AUX area they are those of the AUX offset. Default 0.
   */
  readonly base?: number;
  /**
   * Refuse what `perf` refuses: an alignment above 16 bytes, and one with fewer bytes behind it
   * than the alignment. Default false.
   */
  readonly asPerf?: boolean;
}

/** The longest alignment packet, and so what a decoder has to look ahead: bytes. */
export const MAX_PACKET_SIZE = 1 << 16;

/** `perf` shows padding in groups of 16 bytes. */
const PADDING_GROUP = 16;

/** More bytes are needed than there are: how many from the packet's start. */
export class NeedMore {
  bytes = 0;
}

function valueAt(view: DataView, at: number, width: number): bigint {
  if (width === 8) return view.getBigUint64(at, true);
  if (width === 4) return BigInt(view.getUint32(at, true));
  return BigInt(width === 2 ? view.getUint16(at, true) : view.getUint8(at));
}

/**
 * Decodes the packet at `at`, without looking beyond `end`. Returns undefined, and how much it wants in
 * `need`, if bytes are missing; with `final` there are none to come, and what is torn is one bad byte.
 */
export function decodePacketAt(
  view: DataView,
  at: number,
  end: number,
  offset: number,
  address: number,
  final: boolean,
  asPerf: boolean,
  need: NeedMore,
): DecodedPacket | undefined {
  const available = end - at;
  const header = view.getUint8(at);
  const missing = (bytes: number): DecodedPacket | undefined => {
    if (final) return { kind: "bad", reason: "torn", byte: header, offset, size: 1 };
    need.bytes = bytes;
    return undefined;
  };
  let extended = 0;
  let first = header;
  let kind = KIND_OF[header]!;
  if (kind === Kind.extended) {
    if (available < 2) return missing(2);
    first = view.getUint8(at + 1);
    if (first === 0) {
      const shift = (header & 0xf) + 1;
      const skip = 2 ** shift - (address & (2 ** shift - 1));
      if (asPerf && shift > 4) return { kind: "bad", reason: "unknown-header", byte: header, offset, size: 1 };
      const wanted = asPerf ? 2 ** shift : skip;
      if (available < wanted) return missing(wanted);
      const size = paddingFrom(view, at, end, skip);
      if (size < PADDING_GROUP && size === available && !final) return missing(size + 1);
      return { kind: "alignment", shift, offset, size };
    }
    extended = 1;
    kind = (header & 0xfc) === HEADER.extended ? KIND_OF[first]! : Kind.unknown;
    if (kind !== Kind.address && kind !== Kind.counter) kind = Kind.unknown;
  }
  switch (kind) {
    case Kind.padding: {
      const size = paddingFrom(view, at, end, 1);
      if (size < PADDING_GROUP && size === available && !final) return missing(size + 1);
      return { kind: "padding", offset, size };
    }
    case Kind.end:
      return { kind: "end", offset, size: 1 };
    case Kind.timestamp:
      if (available < 9) return missing(9);
      return { kind: "timestamp", value: view.getBigUint64(at + 1, true), offset, size: 9 };
    case Kind.events: {
      const width = payloadWidth(header);
      if (available < 1 + width) return missing(1 + width);
      return { kind: "events", width, bits: valueAt(view, at + 1, width), offset, size: 1 + width };
    }
    case Kind.dataSource: {
      const width = payloadWidth(header);
      if (available < 1 + width) return missing(1 + width);
      return { kind: "data-source", width, value: valueAt(view, at + 1, width), offset, size: 1 + width };
    }
    case Kind.context:
      if (available < 5) return missing(5);
      return { kind: "context", index: header & 3, value: view.getUint32(at + 1, true), offset, size: 5 };
    case Kind.operation:
      if (available < 2) return missing(2);
      return { kind: "operation", class: header & 3, payload: view.getUint8(at + 1), offset, size: 2 };
    case Kind.address: {
      const size = 9 + extended;
      if (available < size) return missing(size);
      const index = (extended * (header & 3) * 8) | (first & 7);
      const value = view.getBigUint64(at + 1 + extended, true);
      return { kind: "address", index, extended: extended === 1, value, offset, size };
    }
    case Kind.counter: {
      const size = 3 + extended;
      if (available < size) return missing(size);
      const index = (extended * (header & 3) * 8) | (first & 7);
      const value = view.getUint16(at + 1 + extended, true);
      return { kind: "counter", index, extended: extended === 1, value, offset, size };
    }
    default:
      return { kind: "bad", reason: "unknown-header", byte: header, offset, size: 1 };
  }
}

/** The size of padding that has `size` bytes already, with the zeros that follow in its group. */
function paddingFrom(view: DataView, at: number, end: number, size: number): number {
  let grown = size;
  while (grown < PADDING_GROUP && at + grown < end && view.getUint8(at + grown) === 0) grown++;
  return grown;
}
