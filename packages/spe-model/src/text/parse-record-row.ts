import { ADDRESS_MASK, type InstructionAddress } from "../address/address.js";
import { dataSourceName } from "../data-source/data-source-name.js";
import { EventBit, type EventName, eventBits } from "../events/event-bit.js";
import { decodeOperation } from "../operation/decode-operation.js";
import { EncodeError } from "../packet/encode-error.js";
import type { PayloadWidth } from "../packet/packet.js";
import type { SpeRecord } from "../record/record.js";
import { OPERATION_NAMES } from "../statistics/operation-name.js";
import { COLUMNS, type RecordRow } from "./record-csv.js";

type Column = keyof RecordRow;

/**
 * A record of which `recordRow` says the same. What rows leave out is not there, or is as of an ordinary profile: addresses
 * are not Secure and without tags, a context is EL1's, and of the operations of a name it is the first.
 * @throws EncodeError for a value that no row has
 */
export function recordOfRow(row: RecordRow): SpeRecord {
  const latency = {
    ...field("total", cycles(row, "total")),
    ...field("issue", cycles(row, "issue")),
    ...field("translation", cycles(row, "translation")),
  };
  const va = address(row, "va");
  const pa = address(row, "pa");
  const context = whole(row, "context");
  return {
    ...field("pc", instruction(address(row, "pc"), Number(whole(row, "el") ?? 0n))),
    ...field("target", instruction(address(row, "target"), 0)),
    ...(va === undefined ? {} : { dataVirtual: { address: va, tag: 0 } }),
    ...(pa === undefined
      ? {}
      : { dataPhysical: { address: pa, ns: true, nse: false, checked: false, tag: 0 } }),
    ...(context === undefined ? {} : { contextEl1: Number(context) }),
    ...field("operation", operation(row)),
    ...field("events", events(row)),
    ...(Object.keys(latency).length === 0 ? {} : { latency }),
    ...field("dataSource", dataSource(row)),
    ...field("timestamp", whole(row, "timestamp")),
  };
}

/**
 * A line that `csvLine` made, as a row; what is empty is null.
 * @throws EncodeError if it has another number of values
 */
export function parseCsvLine(line: string): RecordRow {
  const values = line.split(",");
  if (values.length !== COLUMNS.length)
    throw new EncodeError("values on the line", values.length, `${COLUMNS.length}`);
  return Object.fromEntries(
    COLUMNS.map((name, n) => [name, values[n] === "" ? null : values[n]]),
  ) as RecordRow;
}

function field<K extends string, V>(name: K, value: V | undefined): { readonly [key in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [key in K]?: V });
}

function whole(row: RecordRow, column: Column): bigint | undefined {
  const value = row[column] ?? undefined;
  if (value === undefined) return undefined;
  if (!/^(\d+|0x[0-9a-f]+)$/.test(`${value}`)) throw new EncodeError(column, `${value}`, "a whole number");
  return BigInt(value);
}

function cycles(row: RecordRow, column: Column): number | undefined {
  const value = whole(row, column);
  return value === undefined ? undefined : Number(value);
}

/** Bits 55:0, which is all that rows show. */
function address(row: RecordRow, column: Column): bigint | undefined {
  const value = whole(row, column);
  return value === undefined ? undefined : value & ADDRESS_MASK;
}

function instruction(of: bigint | undefined, el: number): InstructionAddress | undefined {
  return of === undefined ? undefined : { address: of, el, ns: true, nse: false };
}

function operation({ operation: name }: RecordRow): SpeRecord["operation"] {
  if (typeof name !== "string") return undefined;
  const at = OPERATION_NAMES.indexOf(name);
  if (at === -1) throw new EncodeError("operation", name, "a name that decoding gives");
  return decodeOperation(at >> 8, at & 0xff);
}

function events({ events: names }: RecordRow): SpeRecord["events"] {
  if (typeof names !== "string") return undefined;
  const all = names.split(" ").filter((name) => name !== "");
  const unknown = all.find((name) => !Object.hasOwn(EventBit, name));
  if (unknown !== undefined) throw new EncodeError("events", unknown, Object.keys(EventBit).join(", "));
  const bits = eventBits(...(all as EventName[]));
  return { bits, width: widthOf(bits) };
}

const SOURCES: ReadonlyMap<string, bigint> = new Map(
  Array.from({ length: 256 }, (_, n) => BigInt(n)).flatMap((value) => {
    const name = dataSourceName(value);
    return name === undefined ? [] : [[name, value] as const];
  }),
);

function dataSource(row: RecordRow): SpeRecord["dataSource"] {
  const value = SOURCES.get(`${row.source}`) ?? whole(row, "source");
  return value === undefined ? undefined : { value, width: widthOf(value) };
}

function widthOf(value: bigint): PayloadWidth {
  if (value < 1n << 8n) return 1;
  if (value < 1n << 16n) return 2;
  return value < 1n << 32n ? 4 : 8;
}
