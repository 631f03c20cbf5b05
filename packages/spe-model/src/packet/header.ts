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

/** What a header byte starts. */
export const Kind = {
  unknown: 0,
  padding: 1,
  end: 2,
  timestamp: 3,
  events: 4,
  dataSource: 5,
  context: 6,
  operation: 7,
  extended: 8,
  address: 9,
  counter: 10,
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

/** Bytes of payload that a header's bits 5:4 announce. */
export function payloadWidth(header: number): PayloadWidth {
  return (1 << ((header >> 4) & 3)) as PayloadWidth;
}

/** Bits 5:4 of a header for a payload of that many bytes. */
export function widthBits(width: PayloadWidth): number {
  return width === 1 ? 0x00 : width === 2 ? 0x10 : width === 4 ? 0x20 : 0x30;
}
