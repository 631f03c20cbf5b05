import { HEADER, KIND_OF, Kind, PAYLOAD_SIZE } from "../packet/header.js";
import { MAX_RECORD_SIZE } from "../record/record.js";
import { Present, type RecordColumns } from "./record-columns.js";

/** Where decoding starts, and what follows. */
export interface ColumnOptions {
  /** Bytes to leave out at the start; default 0. */
  readonly from?: number;
  /** Address in the profiling buffer of the first byte of the input, as in `DecodeOptions`; default 0. */
  readonly base?: number;
  /** Added to the rows' offsets, for inputs that are part of a longer one; default 0. */
  readonly offset?: number;
  /** No bytes follow: what is torn is bad. Default true. */
  readonly final?: boolean;
}

/** The words of the columns that hold 64 bits. */
function words(column: BigUint64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, 2 * column.length);
}

/**
 * Decodes records into columns until the input ends or the columns are full, without making an object
 * for any of them. Returns where it stopped: go on from there with room in the columns. If more bytes
 * follow (`final: false`), it stops where the record starts that does not end; with 128 KiB in hand it
 * always gets on. What the rows say is what `RecordDecoder` says.
 */
export function decodeColumns(
  bytes: Uint8Array,
  columns: RecordColumns,
  options: ColumnOptions = {},
): number {
  const { from = 0, base = 0, offset = 0, final = true } = options;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length;
  const { account, capacity, present, operationClass, operationPayload, contextEl1, contextEl2 } = columns;
  const { total, issue, translation, dataSource, badBytes } = columns;
  const addresses = [
    columns.pc,
    columns.target,
    columns.dataVirtual,
    columns.dataPhysical,
    columns.previousTarget,
  ].map(words);
  const events = words(columns.events);
  const timestamp = words(columns.timestamp);
  let row = columns.count;
  let has = 0;
  let bad = 0;
  let start = -1;
  let last = 0;
  let at = from;

  const abandon = () => {
    account.unterminated += last - start;
    start = -1;
    has = 0;
    bad = 0;
  };
  const pad = (size: number) => {
    const inside = start < 0 ? 0 : Math.min(size, start + MAX_RECORD_SIZE - at);
    if (start >= 0) last = at + inside;
    if (inside === size) return;
    if (start >= 0) abandon();
    account.padding += size - inside;
  };
  const clearAbsent = () => {
    if (!(has & Present.operation)) operationClass[row] = operationPayload[row] = 0;
    if (!(has & Present.events)) events[2 * row] = events[2 * row + 1] = 0;
    if (!(has & Present.timestamp)) timestamp[2 * row] = timestamp[2 * row + 1] = 0;
    for (let index = 0; index < 5; index++)
      if (!(has & (1 << index))) addresses[index]![2 * row] = addresses[index]![2 * row + 1] = 0;
    if (!(has & Present.contextEl1)) contextEl1[row] = 0;
    if (!(has & Present.contextEl2)) contextEl2[row] = 0;
    if (!(has & Present.total)) total[row] = 0;
    if (!(has & Present.issue)) issue[row] = 0;
    if (!(has & Present.translation)) translation[row] = 0;
    if (!(has & Present.dataSource)) dataSource[row] = 0;
  };

  while (at < end) {
    const header = bytes[at]!;
    if (header === 0) {
      let next = at + 1;
      while (next < end && bytes[next] === 0) next++;
      pad(next - at);
      at = next;
      continue;
    }
    let kind = KIND_OF[header]!;
    let first = header;
    let payload = at + 1;
    let size = 0;
    if (kind === Kind.extended) {
      if (at + 1 < end) {
        first = bytes[at + 1]!;
        payload++;
        if (first === 0) {
          const alignment = 2 ** ((header & 0xf) + 1);
          size = alignment - ((base + at) % alignment);
          if (at + size <= end) {
            pad(size);
            at += size;
            continue;
          }
        } else {
          kind = (header & 0xfc) === HEADER.extended ? KIND_OF[first]! : Kind.unknown;
          if (kind !== Kind.address && kind !== Kind.counter) kind = Kind.unknown;
        }
      } else size = 2;
    }
    if (size === 0) size = payload - at + PAYLOAD_SIZE[first]!;
    const torn = at + size > end;
    if (torn && !final && kind !== Kind.unknown) break;
    if (torn || kind === Kind.unknown) {
      if (start >= 0 && at + 1 - start > MAX_RECORD_SIZE) abandon();
      if (start < 0) account.bad++;
      else {
        bad++;
        last = at + 1;
      }
      at++;
      continue;
    }
    if (start >= 0 && at + size - start > MAX_RECORD_SIZE) abandon();
    let index = first & 7;
    if (kind === Kind.address || kind === Kind.counter) {
      if (payload - at === 2) index |= (header & 3) << 3;
    } else index = header & 3;
    const field = fieldOf(kind, index);
    if ((has & field) !== 0 && field !== Present.unknown) abandon();
    if (start < 0) {
      if (row === capacity) break;
      start = at;
    }
    has |= field;
    switch (kind) {
      case Kind.address:
        if (index < 5) {
          const column = addresses[index]!;
          column[2 * row] = view.getUint32(payload, true);
          column[2 * row + 1] = view.getUint32(payload + 4, true);
        }
        break;
      case Kind.counter: {
        const value = view.getUint16(payload, true);
        if (index === 0) total[row] = value;
        else if (index === 1) issue[row] = value;
        else if (index === 2) translation[row] = value;
        break;
      }
      case Kind.operation:
        operationClass[row] = index;
        operationPayload[row] = bytes[payload]!;
        break;
      case Kind.events:
        events[2 * row] = low(view, payload, size - 1);
        events[2 * row + 1] = size === 9 ? view.getUint32(payload + 4, true) : 0;
        break;
      case Kind.dataSource:
        dataSource[row] = low(view, payload, size - 1);
        break;
      case Kind.context:
        if (index === 0) contextEl1[row] = view.getUint32(payload, true);
        else if (index === 1) contextEl2[row] = view.getUint32(payload, true);
        break;
      case Kind.timestamp:
        timestamp[2 * row] = view.getUint32(payload, true);
        timestamp[2 * row + 1] = view.getUint32(payload + 4, true);
        break;
    }
    at += size;
    last = at;
    if (kind === Kind.end || kind === Kind.timestamp) {
      clearAbsent();
      present[row] = has;
      badBytes[row] = bad;
      columns.offset[row] = offset + start;
      columns.size[row] = at - start;
      account.records += at - start;
      row++;
      start = -1;
      has = 0;
      bad = 0;
    }
  }
  columns.count = row;
  if (start < 0) return at;
  if (!final) return start;
  abandon();
  return at;
}

function low(view: DataView, at: number, width: number): number {
  if (width === 1) return view.getUint8(at);
  return width === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
}

const COUNTERS = [Present.total, Present.issue, Present.translation] as const;

/** The field that a packet fills, as a `Present` bit; 0 for the end. */
function fieldOf(kind: number, index: number): number {
  switch (kind) {
    case Kind.address:
      return index < 5 ? 1 << index : Present.unknown;
    case Kind.counter:
      return COUNTERS[index] ?? Present.unknown;
    case Kind.operation:
      return Present.operation;
    case Kind.events:
      return Present.events;
    case Kind.dataSource:
      return Present.dataSource;
    case Kind.context:
      return index < 2 ? Present.contextEl1 << index : Present.unknown;
    case Kind.timestamp:
      return Present.timestamp;
    default:
      return 0;
  }
}
