import { encodePacket, packetSize } from "./encode-packet.js";
import type { Packet } from "./packet.js";

/**
 * The bytes of the packets, one after the other.
 * @throws EncodeError if a field does not fit its bits.
 */
export function encodePackets(packets: Iterable<Packet>): Uint8Array {
  const list = [...packets];
  const out = new Uint8Array(list.reduce((size, packet) => size + packetSize(packet), 0));
  let at = 0;
  for (const packet of list) at += encodePacket(packet, out, at);
  return out;
}
