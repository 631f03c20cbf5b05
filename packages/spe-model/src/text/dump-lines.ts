import type { DecodeOptions } from "../packet/decode-options.js";
import { decodePackets } from "../packet/decode-packets.js";
import type { DecodedPacket } from "../packet/packet.js";
import { describePacket, isUnworded, type TextOptions } from "./describe-packet.js";

const HEX = Array.from({ length: 256 }, (_, byte) => ` ${byte.toString(16).padStart(2, "0")}`);

/** What fills a line of so many bytes up to 16. */
const SPACES = Array.from({ length: 16 }, (_, size) => " ".repeat(3 * (16 - size)));

/** One line of the dump; `bytes` are the packet's own, `text` what to say of it. */
export function dumpLine(packet: DecodedPacket, bytes: Uint8Array, text: string): string {
  let hex = "";
  for (let at = 0; at < bytes.length; at++) hex += HEX[bytes[at]!]!;
  const offset = packet.offset.toString(16).padStart(8, "0");
  return `.  ${offset}: ${hex}${SPACES[bytes.length] ?? ""} ${text}`;
}

/** The line above the dump of a buffer. */
export function dumpHeader(size: number): string {
  return `. ... ARM SPE data: size ${size === 0 ? "0" : `0x${size.toString(16)}`} bytes`;
}

/**
 * A buffer's packets, each on a line, as `perf report --dump-raw-trace` prints them. With `asPerf`
 * and the names of 7.2, operations for which it has no words repeat those of the packet before, as
 * they do in its dump.
 */
export function* dumpLines(
  bytes: Uint8Array,
  options: TextOptions & DecodeOptions = {},
): Generator<string, void, undefined> {
  const { version = "7.2", asPerf = false } = options;
  let text = "";
  yield dumpHeader(bytes.length);
  for (const packet of decodePackets(bytes, options)) {
    // A bad packet's words are not in the buffer that perf forgets to write.
    const described = describePacket(packet, options);
    const stale = asPerf && isUnworded(packet, version);
    if (!stale && packet.kind !== "bad") text = described;
    const own = bytes.subarray(packet.offset, packet.offset + packet.size);
    yield dumpLine(packet, own, stale ? text : described);
  }
}
