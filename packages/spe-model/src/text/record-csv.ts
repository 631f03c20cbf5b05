import { canonicalAddress } from "../address/address.js";
import { Present, type RecordColumns } from "../columns/record-columns.js";
import { dataSourceName } from "../data-source/data-source-name.js";
import { eventNames } from "../events/event-bit.js";
import { operationName } from "../statistics/operation-name.js";

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

function address(value: bigint): string {
  return `0x${canonicalAddress(value & ((1n << 56n) - 1n)).toString(16)}`;
}

/** A row of columns as plain values, for JSON; addresses in hexadecimal, timestamps in decimal text. */
export function recordRow(columns: RecordColumns, row: number): RecordRow {
  const has = columns.present[row]!;
  const text = (field: number, value: () => string | number) => ((has & field) !== 0 ? value() : null);
  const context = has & Present.contextEl1 ? columns.contextEl1 : columns.contextEl2;
  return {
    offset: columns.offset[row]!,
    operation: text(Present.operation, () =>
      operationName(columns.operationClass[row]!, columns.operationPayload[row]!),
    ),
    pc: text(Present.pc, () => address(columns.pc[row]!)),
    el: text(Present.pc, () => Number((columns.pc[row]! >> 61n) & 3n)),
    target: text(Present.target, () => address(columns.target[row]!)),
    va: text(Present.dataVirtual, () => address(columns.dataVirtual[row]!)),
    pa: text(
      Present.dataPhysical,
      () => `0x${(columns.dataPhysical[row]! & ((1n << 56n) - 1n)).toString(16)}`,
    ),
    events: text(Present.events, () => eventNames(columns.events[row]!).join(" ")),
    total: text(Present.total, () => columns.total[row]!),
    issue: text(Present.issue, () => columns.issue[row]!),
    translation: text(Present.translation, () => columns.translation[row]!),
    source: text(
      Present.dataSource,
      () => dataSourceName(BigInt(columns.dataSource[row]!)) ?? `0x${columns.dataSource[row]!.toString(16)}`,
    ),
    context: text(Present.contextEl1 | Present.contextEl2, () => context[row]!),
    timestamp: text(Present.timestamp, () => `${columns.timestamp[row]}`),
  };
}

/** The names of the CSV's columns. */
export const CSV_HEADER: string = COLUMNS.join(",");

/** A row of columns as a line of CSV (RFC 4180; no value needs quotes). */
export function csvLine(columns: RecordColumns, row: number): string {
  const values = recordRow(columns, row);
  return COLUMNS.map((name) => values[name] ?? "").join(",");
}
