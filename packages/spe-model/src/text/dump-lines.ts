import type { DecodeOptions } from "../packet/decode-packet.js";
import { decodePackets } from "../packet/decode-packets.js";
import type { DecodedPacket } from "../packet/packet.js";
import { describePacket, type TextOptions } from "./describe-packet.js";

const HEX = Array.from({ length: 256 }, (_, byte) => ` ${byte.toString(16).padStart(2, "0")}`);

/** One line of the dump; `bytes` are the packet's own. */
export function dumpLine(packet: DecodedPacket, bytes: Uint8Array, options: TextOptions = {}): string {
  let hex = "";
  for (const byte of bytes) hex += HEX[byte]!;
  const offset = packet.offset.toString(16).padStart(8, "0");
  return `.  ${offset}: ${hex.padEnd(48)} ${describePacket(packet, options)}`;
}

/** The line above the dump of a buffer. */
export function dumpHeader(size: number): string {
  return `. ... ARM SPE data: size ${size === 0 ? "0" : `0x${size.toString(16)}`} bytes`;
}

/** A buffer's packets, each on a line, as `perf report --dump-raw-trace` prints them. */
export function* dumpLines(
  bytes: Uint8Array,
  options: TextOptions & DecodeOptions = {},
): Generator<string, void, undefined> {
  yield dumpHeader(bytes.length);
  for (const packet of decodePackets(bytes, options))
    yield dumpLine(packet, bytes.subarray(packet.offset, packet.offset + packet.size), options);
}
