import { Present, type RecordColumns } from "../columns/record-columns.js";
import { type DataSourceEncoding, dataSourceName } from "../data-source/data-source-name.js";
import { eventNames } from "../events/event-bit.js";
import { OPERATION_NAMES } from "../statistics/operation-name.js";

/** What a row has, in the order of the CSV. */
export const COLUMNS = [
  "offset",
  "operation",
  "pc",
  "el",
  "target",
  "va",
  "pa",
  "events",
  "total",
  "issue",
  "translation",
  "source",
  "context",
  "timestamp",
] as const;

/** One record as plain values; what it does not have is null. */
export type RecordRow = Record<(typeof COLUMNS)[number], string | number | null>;

/**
 * A row of columns as plain values, for JSON; addresses in hexadecimal, timestamps in decimal text.
 * @param encoding - what data sources mean (`dataSourceEncoding` tells by the CPU): "common" ones, the default, get their
 *   names, all others stay numbers in hexadecimal, since the same name is another number there
 */
export function recordRow(
  columns: RecordColumns,
  row: number,
  encoding: DataSourceEncoding | null = "common",
): RecordRow {
  const has = columns.present[row]!;
  const words = wordsOf(columns);
  const hasPc = (has & Present.pc) !== 0;
  return {
    offset: columns.offset[row]!,
    operation: (has & Present.operation) === 0 ? null : operationOf(columns, row),
    pc: hasPc ? virtualAddress(words.pc, row) : null,
    el: hasPc ? (words.pc[2 * row + 1]! >>> 29) & 3 : null,
    target: (has & Present.target) === 0 ? null : virtualAddress(words.target, row),
    va: (has & Present.dataVirtual) === 0 ? null : virtualAddress(words.dataVirtual, row),
    pa: (has & Present.dataPhysical) === 0 ? null : physicalAddress(words.dataPhysical, row),
    events: (has & Present.events) === 0 ? null : eventsOf(words.events, row),
    total: (has & Present.total) === 0 ? null : columns.total[row]!,
    issue: (has & Present.issue) === 0 ? null : columns.issue[row]!,
    translation: (has & Present.translation) === 0 ? null : columns.translation[row]!,
    source: (has & Present.dataSource) === 0 ? null : sourceOf(columns.dataSource[row]!, encoding),
    context:
      (has & Present.contextEl1) !== 0
        ? columns.contextEl1[row]!
        : (has & Present.contextEl2) !== 0
          ? columns.contextEl2[row]!
          : null,
    timestamp: (has & Present.timestamp) === 0 ? null : decimal(words.timestamp, row),
  };
}

/** The names of the CSV's columns. */
export const CSV_HEADER: string = COLUMNS.join(",");

/** A row of columns as a line of CSV (RFC 4180; no value needs quotes); what `recordRow` says. */
export function csvLine(
  columns: RecordColumns,
  row: number,
  encoding: DataSourceEncoding | null = "common",
): string {
  const values = recordRow(columns, row, encoding);
  let line = "";
  for (let n = 0; n < COLUMNS.length; n++) line += `${n === 0 ? "" : ","}${values[COLUMNS[n]!] ?? ""}`;
  return line;
}

function operationOf({ operationClass, operationPayload }: RecordColumns, row: number): string {
  return OPERATION_NAMES[(operationClass[row]! << 8) | operationPayload[row]!]!;
}

/** The columns of 64 bits as pairs of words, the lower first: numbers instead of bigints, for each row. */
interface Words {
  readonly pc: Uint32Array;
  readonly target: Uint32Array;
  readonly dataVirtual: Uint32Array;
  readonly dataPhysical: Uint32Array;
  readonly events: Uint32Array;
  readonly timestamp: Uint32Array;
}

function wordsOf(columns: RecordColumns): Words {
  const known = WORDS.get(columns);
  if (known !== undefined) return known;
  const words = (column: BigUint64Array) =>
    new Uint32Array(column.buffer, column.byteOffset, 2 * column.length);
  const made = {
    pc: words(columns.pc),
    target: words(columns.target),
    dataVirtual: words(columns.dataVirtual),
    dataPhysical: words(columns.dataPhysical),
    events: words(columns.events),
    timestamp: words(columns.timestamp),
  };
  WORDS.set(columns, made);
  return made;
}

const WORDS = new WeakMap<RecordColumns, Words>();

/** Bits 55:0 with bit 55 repeated upwards, as `canonicalAddress` does. */
function virtualAddress(words: Uint32Array, row: number): string {
  return hexadecimal(((words[2 * row + 1]! << 8) >> 8) >>> 0, words[2 * row]!);
}

/** Bits 55:0. */
function physicalAddress(words: Uint32Array, row: number): string {
  return hexadecimal(words[2 * row + 1]! & 0xff_ffff, words[2 * row]!);
}

function hexadecimal(high: number, low: number): string {
  return high === 0 ? `0x${low.toString(16)}` : `0x${high.toString(16)}${low.toString(16).padStart(8, "0")}`;
}

function decimal(words: Uint32Array, row: number): string {
  const low = words[2 * row]!;
  const high = words[2 * row + 1]!;
  return high < 1 << 21 ? `${high * 2 ** 32 + low}` : `${(BigInt(high) << 32n) | BigInt(low)}`;
}

/** Few combinations of events occur: their names are kept. */
const EVENTS = new Map<number, string>();
const MOST_KEPT = 4096;

/** All events that have a name are bits 25:0. */
function eventsOf(words: Uint32Array, row: number): string {
  const bits = words[2 * row]! & 0x3ff_ffff;
  let names = EVENTS.get(bits);
  if (names === undefined) {
    names = eventNames(BigInt(bits)).join(" ");
    if (EVENTS.size < MOST_KEPT) EVENTS.set(bits, names);
  }
  return names;
}

function sourceOf(value: number, encoding: DataSourceEncoding | null): string {
  const name = encoding === "common" && value < SOURCES.length ? SOURCES[value] : undefined;
  return name ?? `0x${value.toString(16)}`;
}

const SOURCES = Array.from({ length: 256 }, (_, value) => dataSourceName(BigInt(value)));
