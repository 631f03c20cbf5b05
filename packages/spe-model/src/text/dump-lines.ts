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
 * The lines of a dump, packet by packet, in the order of the buffer. With `asPerf` and the names of 7.2, operations for
 * which it has no words repeat those of the packet before, as they do in its dump.
 */
export class PacketLines {
  readonly #options: TextOptions & DecodeOptions;
  #text = "";

  constructor(options: TextOptions & DecodeOptions = {}) {
    this.#options = options;
  }

  /** @param bytes - the packet's own. */
  line(packet: DecodedPacket, bytes: Uint8Array): string {
    const { version = "7.2", asPerf = false } = this.#options;
    // A bad packet's words are not in the buffer that perf forgets to write.
    const described = describePacket(packet, this.#options);
    const stale = asPerf && isUnworded(packet, version);
    if (!stale && packet.kind !== "bad") this.#text = described;
    return dumpLine(packet, bytes, stale ? this.#text : described);
  }
}

/** A buffer's packets, each on a line, as `perf report --dump-raw-trace` prints them; see `PacketLines`. */
export function* dumpLines(
  bytes: Uint8Array,
  options: TextOptions & DecodeOptions = {},
): Generator<string, void, undefined> {
  const lines = new PacketLines(options);
  yield dumpHeader(bytes.length);
  for (const packet of decodePackets(bytes, options))
    yield lines.line(packet, bytes.subarray(packet.offset, packet.offset + packet.size));
}
