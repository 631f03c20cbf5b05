import type { DecodeOptions } from "./decode-options.js";
import type { DecodedPacket } from "./packet.js";
import { PacketReader } from "./packet-reader.js";

/**
 * The packets in a whole buffer, one after the other. Never fails: what is no packet comes as `bad`
 * packets of one byte, and the sizes add up to the buffer's.
 */
export function* decodePackets(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Generator<DecodedPacket, void, undefined> {
  const reader = new PacketReader(options);
  reader.open(bytes, bytes.length, true);
  for (let at = 0; at < bytes.length; ) {
    reader.scan(at, at);
    const packet = reader.packet(at);
    at += packet.size;
    yield packet;
  }
}
