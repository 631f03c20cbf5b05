import { canonicalAddress } from "../address/address.js";
import { Present, type RecordColumns } from "../columns/record-columns.js";
import { type DataSourceEncoding, dataSourceName } from "../data-source/data-source-name.js";
import { EventBit, type EventName } from "../events/event-bit.js";
import { Histogram } from "./histogram.js";
import { OPERATION_NAMES } from "./operation-name.js";
import { TopCounter } from "./top-counter.js";

/** What the driver said of a part of the AUX stream; what `@kvmm/traces` and `ArmSpePmu` report. */
export interface StreamNote {
  readonly truncated: boolean;
  readonly partial: boolean;
  readonly collision: boolean;
}

/** A pause between two records: the longest of a stream are kept. */
export interface TimestampGap {
  /** Bytes: where the record behind the gap starts. */
  readonly offset: number;
  /** Counts of the generic timer. */
  readonly ticks: bigint;
}

/** All figures about some streams, as plain data. */
export interface SpeSummary {
  readonly records: number;
  /** Records with bytes inside that are no packet. */
  readonly damaged: number;
  readonly bytes: {
    readonly records: number;
    readonly unterminated: number;
    readonly padding: number;
    readonly bad: number;
  };
  readonly operations: Readonly<Record<string, number>>;
  readonly events: Readonly<Record<string, number>>;
  readonly latencies: Readonly<Record<"total" | "issue" | "translation", LatencySummary>>;
  readonly dataSources: Readonly<Record<string, number>>;
  /** Addresses of 4 KiB pages of data, most accessed first. */
  readonly hottestPages: readonly { readonly page: string; readonly records: number }[];
  /** No page's count is more than this above the truth. */
  readonly pageCountError: number;
  readonly truncations: number;
  readonly partial: number;
  readonly collisions: number;
  readonly gaps: readonly { readonly offset: number; readonly ticks: number }[];
}

export interface LatencySummary {
  readonly count: number;
  /** Cycles. */
  readonly mean: number;
  /** Cycles: the upper ends of powers of two. */
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

const EVENT_NAMES = Object.keys(EventBit) as EventName[];
const KEPT_GAPS = 8;

/** Adds up what columns hold, batch by batch, in bounded memory. */
export class SpeStatistics {
  readonly latencies = { total: new Histogram(), issue: new Histogram(), translation: new Histogram() };
  readonly #encoding: DataSourceEncoding;
  readonly #operations = new Float64Array(1024);
  readonly #events = new Float64Array(64);
  readonly #sources = new Map<number, number>();
  readonly #pages = new TopCounter();
  readonly #gaps: TimestampGap[] = [];
  readonly #bytes = { records: 0, unterminated: 0, padding: 0, bad: 0 };
  #records = 0;
  #damaged = 0;
  #lastTimestamp: bigint | undefined;
  #truncations = 0;
  #partial = 0;
  #collisions = 0;

  /** @param encoding - what data source numbers mean (`dataSourceEncoding` tells by the CPU). */
  constructor(encoding: DataSourceEncoding = "common") {
    this.#encoding = encoding;
  }

  /** Adds the rows of the columns; give each batch once. */
  addColumns(columns: RecordColumns): void {
    const { present, operationClass, operationPayload, events, dataVirtual, dataSource, timestamp } = columns;
    this.#records += columns.count;
    for (let row = 0; row < columns.count; row++) {
      const has = present[row]!;
      if (columns.badBytes[row] !== 0) this.#damaged++;
      if (has & Present.operation) this.#operations[operationClass[row]! * 256 + operationPayload[row]!]!++;
      if (has & Present.events) this.#addEvents(events[row]!);
      if (has & Present.total) this.latencies.total.add(columns.total[row]!);
      if (has & Present.issue) this.latencies.issue.add(columns.issue[row]!);
      if (has & Present.translation) this.latencies.translation.add(columns.translation[row]!);
      if (has & Present.dataSource) this.#addSource(dataSource[row]!);
      if (has & Present.dataVirtual) this.#pages.add(canonicalAddress(dataVirtual[row]!) >> 12n);
      if (has & Present.timestamp) this.#addTimestamp(timestamp[row]!, columns.offset[row]!);
    }
  }

  /** Adds the account of columns, once they will not be decoded into any more. */
  addAccount(account: RecordColumns["account"]): void {
    for (const key of ["records", "unterminated", "padding", "bad"] as const)
      this.#bytes[key] += account[key];
  }

  /** Adds what the driver said of a part of the stream. */
  addNote({ truncated, partial, collision }: StreamNote): void {
    if (truncated) this.#truncations++;
    if (partial) this.#partial++;
    if (collision) this.#collisions++;
  }

  /** Says that another stream follows: its first record is no gap behind this one's last. */
  nextStream(): void {
    this.#lastTimestamp = undefined;
  }

  /** The figures so far. */
  summary(pages = 10): SpeSummary {
    const operations = new Map<string, number>();
    this.#operations.forEach((count, n) => {
      if (count > 0) operations.set(OPERATION_NAMES[n]!, (operations.get(OPERATION_NAMES[n]!) ?? 0) + count);
    });
    const events = EVENT_NAMES.map((name) => [name, this.#events[EventBit[name]]!] as const);
    const sources = [...this.#sources].map(
      ([source, count]) => [sourceName(source, this.#encoding), count] as [string, number],
    );
    return {
      records: this.#records,
      damaged: this.#damaged,
      bytes: { ...this.#bytes },
      operations: sorted([...operations]),
      events: sorted(events.filter(([, count]) => count > 0)),
      latencies: {
        total: summarise(this.latencies.total),
        issue: summarise(this.latencies.issue),
        translation: summarise(this.latencies.translation),
      },
      dataSources: sorted(sources),
      hottestPages: this.#pages
        .top(pages)
        .map(({ key, count }) => ({ page: `0x${(key << 12n).toString(16)}`, records: count })),
      pageCountError: this.#pages.error,
      truncations: this.#truncations,
      partial: this.#partial,
      collisions: this.#collisions,
      gaps: this.#gaps.map(({ offset, ticks }) => ({ offset, ticks: Number(ticks) })),
    };
  }

  #addEvents(bits: bigint): void {
    // Two halves: shifting a bigint bit by bit costs a hundred times more.
    let low = Number(BigInt.asUintN(32, bits));
    for (; low !== 0; low &= low - 1) this.#events[31 - Math.clz32(low & -low)]!++;
  }

  #addSource(source: number): void {
    if (this.#sources.size >= 256 && !this.#sources.has(source)) return;
    this.#sources.set(source, (this.#sources.get(source) ?? 0) + 1);
  }

  #addTimestamp(now: bigint, offset: number): void {
    const last = this.#lastTimestamp;
    this.#lastTimestamp = now;
    if (last === undefined || now <= last) return;
    const ticks = now - last;
    if (this.#gaps.length === KEPT_GAPS && ticks <= this.#gaps[KEPT_GAPS - 1]!.ticks) return;
    const at = this.#gaps.findIndex((gap) => gap.ticks < ticks);
    this.#gaps.splice(at < 0 ? this.#gaps.length : at, 0, { offset, ticks });
    this.#gaps.length = Math.min(this.#gaps.length, KEPT_GAPS);
  }
}

function sourceName(source: number, encoding: DataSourceEncoding): string {
  return dataSourceName(BigInt(source), encoding) ?? `0x${source.toString(16)}`;
}

function sorted(entries: readonly (readonly [string, number])[]): Record<string, number> {
  return Object.fromEntries([...entries].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}

function summarise(histogram: Histogram): LatencySummary {
  const { count, mean, max } = histogram;
  return { count, mean, median: histogram.quantile(0.5), p99: histogram.quantile(0.99), max };
}
