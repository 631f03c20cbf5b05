import {
  encodeDataPhysicalAddress,
  encodeDataVirtualAddress,
  encodeInstructionAddress,
} from "../address/encode-address.js";
import { encodeOperation } from "../operation/encode-operation.js";
import { EncodeError } from "../packet/encode-error.js";
import { packetSize } from "../packet/encode-packet.js";
import type { Packet } from "../packet/packet.js";
import { MAX_RECORD_SIZE, type SpeRecord } from "./record.js";

/**
 * The packets of a record in the order in which Neoverse cores write them, the end last. With an
 * alignment (bytes, a power of two) padding before the end makes the size a multiple of it.
 * @throws EncodeError if a field does not fit its bits, or the record is larger than MAX_RECORD_SIZE.
 */
export function recordPackets(record: SpeRecord, alignment = 1): Packet[] {
  if (!Number.isInteger(Math.log2(alignment)) || alignment < 1 || alignment > MAX_RECORD_SIZE)
    throw new EncodeError("alignment", alignment, `a power of two up to ${MAX_RECORD_SIZE}`);
  const packets: Packet[] = [];
  const address = (index: number, value: bigint) =>
    packets.push({ kind: "address", index, extended: false, value });
  const counter = (index: number, value: number | undefined) => {
    if (value !== undefined) packets.push({ kind: "counter", index, extended: false, value });
  };
  const { operation, events, dataSource, latency } = record;
  if (record.pc) address(0, encodeInstructionAddress(record.pc));
  if (record.contextEl1 !== undefined) packets.push({ kind: "context", index: 0, value: record.contextEl1 });
  if (record.contextEl2 !== undefined) packets.push({ kind: "context", index: 1, value: record.contextEl2 });
  if (operation) packets.push({ kind: "operation", ...encodeOperation(operation) });
  if (events) packets.push({ kind: "events", ...events });
  counter(1, latency?.issue);
  counter(0, latency?.total);
  if (record.target) address(1, encodeInstructionAddress(record.target));
  if (record.previousTarget) address(4, encodeInstructionAddress(record.previousTarget));
  if (record.dataVirtual) address(2, encodeDataVirtualAddress(record.dataVirtual));
  counter(2, latency?.translation);
  if (record.dataPhysical) address(3, encodeDataPhysicalAddress(record.dataPhysical));
  if (dataSource) packets.push({ kind: "data-source", ...dataSource });
  packets.push(...(record.unknown ?? []));
  const end: Packet =
    record.timestamp === undefined ? { kind: "end" } : { kind: "timestamp", value: record.timestamp };
  const size = packets.reduce((sum, packet) => sum + packetSize(packet), packetSize(end));
  const padding = (alignment - (size % alignment)) % alignment;
  if (size + padding > MAX_RECORD_SIZE)
    throw new EncodeError("record size", size + padding, `1 to ${MAX_RECORD_SIZE}`);
  if (padding > 0) packets.push({ kind: "padding", size: padding });
  packets.push(end);
  return packets;
}
