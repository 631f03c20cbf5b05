import { type DecodeOptions, decodePacketAt, MAX_PACKET_SIZE, NeedMore } from "./decode-packet.js";
import type { DecodedPacket } from "./packet.js";

/**
 * The packets in a whole buffer, one after the other. Never fails: what is no packet comes as `bad`
 * packets of one byte, and the sizes add up to the buffer's.
 */
export function* decodePackets(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Generator<DecodedPacket, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const base = (options.base ?? 0) % MAX_PACKET_SIZE;
  const asPerf = options.asPerf ?? false;
  const need = new NeedMore();
  for (let at = 0; at < bytes.length; ) {
    const address = (base + at) % MAX_PACKET_SIZE;
    const packet = decodePacketAt(view, at, bytes.length, at, address, true, asPerf, need)!;
    at += packet.size;
    yield packet;
  }
}
