import type { DecodeOptions } from "../packet/decode-options.js";
import type { RecordItem } from "./record.js";
import { RecordDecoder } from "./record-decoder.js";

/** Bytes that are decoded before their records are handed over. */
const STEP = 1 << 16;

/** The records and errors in a whole buffer, in the order in which they end. Never fails. */
export function* decodeRecords(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Generator<RecordItem, void, undefined> {
  const decoder = new RecordDecoder(options);
  let items: RecordItem[] = [];
  const sink = (item: RecordItem) => items.push(item);
  for (let at = 0; at < bytes.length; at += STEP) {
    decoder.push(bytes.subarray(at, at + STEP), sink);
    yield* items;
    items = [];
  }
  decoder.end(sink);
  yield* items;
}
