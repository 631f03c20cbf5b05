import { EncodeError } from "./encode-error.js";
import { HEADER, widthBits } from "./header.js";
import type { Packet } from "./packet.js";

/** How many bytes the packet takes. */
export function packetSize(packet: Packet): number {
  switch (packet.kind) {
    case "padding":
    case "alignment":
      return packet.size;
    case "end":
      return 1;
    case "operation":
      return 2;
    case "context":
      return 5;
    case "timestamp":
      return 9;
    case "address":
      return packet.extended ? 10 : 9;
    case "counter":
      return packet.extended ? 4 : 3;
    case "events":
    case "data-source":
      return 1 + packet.width;
  }
}

function number(field: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new EncodeError(field, value, `0 to ${max}`);
  return value;
}

function big(field: string, value: bigint, width: number): bigint {
  if (value < 0n || value >= 1n << BigInt(8 * width))
    throw new EncodeError(field, value, `${width} bytes, unsigned`);
  return value;
}

/** Writes the header of an address or counter packet; returns its size. */
function indexed(out: Uint8Array, at: number, base: number, index: number, extended: boolean): number {
  number("index", index, extended ? 31 : 7);
  if (!extended) {
    out[at] = base | index;
    return 1;
  }
  out[at] = HEADER.extended | (index >> 3);
  out[at + 1] = base | (index & 7);
  return 2;
}

/**
 * Writes the packet at `at` and returns its size, which `packetSize` tells beforehand.
 * @throws EncodeError if a field does not fit its bits.
 */
export function encodePacket(packet: Packet, out: Uint8Array, at = 0): number {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  switch (packet.kind) {
    case "padding":
      number("size", packet.size, 2 ** 32);
      out.fill(0, at, at + packet.size);
      return packet.size;
    case "alignment":
      if (number("shift", packet.shift, 16) === 0) throw new EncodeError("shift", 0, "1 to 16");
      number("size", packet.size, 1 << 16);
      out.fill(0, at, at + packet.size);
      out[at] = HEADER.extended | (packet.shift - 1);
      return packet.size;
    case "end":
      out[at] = HEADER.end;
      return 1;
    case "timestamp":
      out[at] = HEADER.timestamp;
      view.setBigUint64(at + 1, big("timestamp", packet.value, 8), true);
      return 9;
    case "address": {
      const header = indexed(out, at, HEADER.address, packet.index, packet.extended);
      view.setBigUint64(at + header, big("address", packet.value, 8), true);
      return header + 8;
    }
    case "counter": {
      const header = indexed(out, at, HEADER.counter, packet.index, packet.extended);
      view.setUint16(at + header, number("counter", packet.value, 0xffff), true);
      return header + 2;
    }
    case "context":
      out[at] = HEADER.context | number("index", packet.index, 3);
      view.setUint32(at + 1, number("context", packet.value, 0xffff_ffff), true);
      return 5;
    case "operation":
      out[at] = HEADER.operation | number("class", packet.class, 3);
      out[at + 1] = number("payload", packet.payload, 0xff);
      return 2;
    case "events":
      return sized(view, at, HEADER.events, packet.width, big("events", packet.bits, packet.width));
    case "data-source":
      return sized(view, at, HEADER.dataSource, packet.width, big("data source", packet.value, packet.width));
  }
}

function sized(view: DataView, at: number, base: number, width: 1 | 2 | 4 | 8, value: bigint): number {
  view.setUint8(at, base | widthBits(width));
  if (width === 8) view.setBigUint64(at + 1, value, true);
  else if (width === 4) view.setUint32(at + 1, Number(value), true);
  else if (width === 2) view.setUint16(at + 1, Number(value), true);
  else view.setUint8(at + 1, Number(value));
  return 1 + width;
}
