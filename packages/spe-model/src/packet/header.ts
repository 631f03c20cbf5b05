import type { PayloadWidth } from "./packet.js";

/** Header bytes and masks: Arm ARM, "Sample Record packets"; `perf`'s arm-spe-pkt-decoder.h. */
export const HEADER = {
  padding: 0x00,
  end: 0x01,
  timestamp: 0x71,
  events: 0x42,
  dataSource: 0x43,
  context: 0x64,
  operation: 0x48,
  extended: 0x20,
  address: 0xb0,
  counter: 0x98,
} as const;

/** What a header byte starts; an extended header, an alignment or something else. */
export const Kind = {
  unknown: 0,
  padding: 1,
  alignment: 2,
  extended: 3,
  end: 4,
  timestamp: 5,
  events: 6,
  dataSource: 7,
  context: 8,
  operation: 9,
  address: 10,
  counter: 11,
} as const;

function classify(header: number): number {
  if (header === HEADER.padding) return Kind.padding;
  if (header === HEADER.end) return Kind.end;
  if (header === HEADER.timestamp) return Kind.timestamp;
  if ((header & 0xcf) === HEADER.events) return Kind.events;
  if ((header & 0xcf) === HEADER.dataSource) return Kind.dataSource;
  if ((header & 0xfc) === HEADER.context) return Kind.context;
  if ((header & 0xfc) === HEADER.operation) return Kind.operation;
  // Two bytes. The lower half of an alignment's first byte is its exponent, so 0x24 and above too.
  if ((header & 0xf0) === HEADER.extended) return Kind.extended;
  if ((header & 0xf8) === HEADER.address) return Kind.address;
  if ((header & 0xf8) === HEADER.counter) return Kind.counter;
  return Kind.unknown;
}

/** What each of the 256 header bytes starts, as a `Kind`. */
export const KIND_OF: Uint8Array = Uint8Array.from({ length: 256 }, (_, header) => classify(header));

/** Bytes of payload behind each of the 256 header bytes (their bits 5:4); behind the second one of an extended header. */
export const PAYLOAD_SIZE: Uint8Array = Uint8Array.from(KIND_OF, (kind, header) =>
  kind > Kind.end ? 1 << ((header >> 4) & 3) : 0,
);

/** Bits 5:4 of a header for a payload of that many bytes. */
export function widthBits(width: PayloadWidth): number {
  return width === 1 ? 0x00 : width === 2 ? 0x10 : width === 4 ? 0x20 : 0x30;
}
