import { encodePackets } from "../packet/encode-packets.js";
import type { SpeRecord } from "./record.js";
import { recordPackets } from "./record-packets.js";

/**
 * The record's bytes. With an alignment (bytes, a power of two) their number is a multiple of it, so
 * that records one after the other stay aligned.
 * @throws EncodeError if a field does not fit its bits, or the record is larger than MAX_RECORD_SIZE.
 */
export function encodeRecord(record: SpeRecord, alignment = 1): Uint8Array {
  return encodePackets(recordPackets(record, alignment));
}
