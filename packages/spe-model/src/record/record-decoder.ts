import { dataPhysicalAddress, instructionAddress } from "../address/decode-address.js";
import { decodeOperation } from "../operation/decode-operation.js";
import type { SampledOperation } from "../operation/operation.js";
import type { DecodeOptions } from "../packet/decode-options.js";
import { Kind } from "../packet/header.js";
import type { AddressPacket, ContextPacket, CounterPacket } from "../packet/packet.js";
import type { PacketReader } from "../packet/packet-reader.js";
import { PacketStream } from "../packet/packet-stream.js";
import { type Latencies, MAX_RECORD_SIZE, type RecordItem, type SpeRecord } from "./record.js";

/** Takes records and errors, in the order in which they end. */
export type RecordSink = (item: RecordItem) => void;

/** Where the input's bytes went; `total` is the sum of the others. */
export interface ByteAccount {
  readonly total: number;
  /** In records, with the padding and the bad bytes inside them. */
  readonly records: number;
  /** In records that did not end. */
  readonly unterminated: number;
  /** Padding and alignment between records. */
  readonly padding: number;
  /** Between records, in no packet. */
  readonly bad: number;
}

type Writable<T> = { -readonly [key in keyof T]: T[key] };

/**
 * Puts packets together into records, from chunks of any size. A packet that the record has already
 * starts the next one: what a lost end leaves behind does not mix with what follows.
 */
export class RecordDecoder {
  readonly #packets: PacketStream;
  readonly #account = { total: 0, records: 0, unterminated: 0, padding: 0, bad: 0 };
  #sink: RecordSink = () => {};
  #record: Writable<SpeRecord> = {};
  #start = -1;
  #end = 0;
  #badInside = 0;
  #badStart = 0;
  #badSize = 0;

  constructor(options: DecodeOptions = {}) {
    this.#packets = new PacketStream(options, (reader, offset) => this.#take(reader, offset));
  }

  /** What became of the bytes, complete after `end`. */
  get account(): ByteAccount {
    return { ...this.#account };
  }

  /** Takes the next chunk and hands over the records that end in it. */
  push(chunk: Uint8Array, sink: RecordSink): void {
    this.#sink = sink;
    this.#packets.push(chunk);
  }

  /** Says that no more will come, and hands over what is left. */
  end(sink: RecordSink): void {
    this.#sink = sink;
    this.#packets.end();
    this.#flushBad();
    this.#abandon();
  }

  #take(reader: PacketReader, offset: number): void {
    const { kind, size } = reader;
    const end = offset + size;
    this.#account.total += size;
    if (kind === Kind.unknown) {
      if (this.#start >= 0 && end - this.#start > MAX_RECORD_SIZE) this.#abandon();
      if (this.#badSize === 0) this.#badStart = offset;
      this.#badSize++;
      if (this.#start < 0) this.#account.bad++;
      else {
        this.#badInside++;
        this.#end = end;
      }
      return;
    }
    if (this.#badSize > 0) this.#flushBad();
    if (kind <= Kind.alignment) {
      this.#pad(offset, size);
      return;
    }
    if (this.#start >= 0 && end - this.#start > MAX_RECORD_SIZE) this.#abandon();
    if (this.#start < 0) this.#start = offset;
    if (!this.#add(reader)) {
      this.#abandon();
      this.#start = offset;
      this.#add(reader);
    }
    this.#end = end;
    if (kind <= Kind.timestamp) this.#finish();
  }

  /** Padding belongs to the record around it, but not beyond a record's largest size. */
  #pad(offset: number, size: number): void {
    const inside = this.#start < 0 ? 0 : Math.min(size, this.#start + MAX_RECORD_SIZE - offset);
    if (this.#start >= 0) this.#end = offset + inside;
    if (inside < size) {
      this.#abandon();
      this.#account.padding += size - inside;
    }
  }

  /** Adds what the packet says; false if the record has such a packet. */
  #add(reader: PacketReader): boolean {
    const record = this.#record;
    switch (reader.kind) {
      case Kind.timestamp:
        record.timestamp = reader.u64;
        return true;
      case Kind.operation:
        if (record.operation !== undefined) return false;
        record.operation = OPERATIONS[(reader.index << 8) | reader.u8]!;
        return true;
      case Kind.events:
        if (record.events !== undefined) return false;
        record.events = { bits: reader.sized, width: reader.width };
        return true;
      case Kind.dataSource:
        if (record.dataSource !== undefined) return false;
        record.dataSource = { value: reader.sized, width: reader.width };
        return true;
      case Kind.context:
        return this.#addContext(reader);
      case Kind.counter:
        return this.#addCounter(reader);
      case Kind.address:
        return this.#addAddress(reader);
      default:
        return true;
    }
  }

  #addContext(reader: PacketReader): boolean {
    const record = this.#record;
    if (reader.index === 0) {
      if (record.contextEl1 !== undefined) return false;
      record.contextEl1 = reader.u32;
      return true;
    }
    if (reader.index > 1)
      return this.#addUnknown({ kind: "context", index: reader.index, value: reader.u32 });
    if (record.contextEl2 !== undefined) return false;
    record.contextEl2 = reader.u32;
    return true;
  }

  #addCounter(reader: PacketReader): boolean {
    const { index, extended, u16: value } = reader;
    if (index > 2) return this.#addUnknown({ kind: "counter", index, extended, value });
    this.#record.latency ??= {};
    const latency: Writable<Latencies> = this.#record.latency;
    const name = index === 0 ? "total" : index === 1 ? "issue" : "translation";
    if (latency[name] !== undefined) return false;
    latency[name] = value;
    return true;
  }

  #addAddress(reader: PacketReader): boolean {
    const record = this.#record;
    switch (reader.index) {
      case 0:
        if (record.pc !== undefined) return false;
        record.pc = instructionAddress(reader.low56, reader.top);
        return true;
      case 1:
        if (record.target !== undefined) return false;
        record.target = instructionAddress(reader.low56, reader.top);
        return true;
      case 2:
        if (record.dataVirtual !== undefined) return false;
        record.dataVirtual = { address: reader.low56, tag: reader.top };
        return true;
      case 3:
        if (record.dataPhysical !== undefined) return false;
        record.dataPhysical = dataPhysicalAddress(reader.low56, reader.top);
        return true;
      case 4:
        if (record.previousTarget !== undefined) return false;
        record.previousTarget = instructionAddress(reader.low56, reader.top);
        return true;
      default: {
        const { index, extended, u64: value } = reader;
        return this.#addUnknown({ kind: "address", index, extended, value });
      }
    }
  }

  #addUnknown(packet: AddressPacket | CounterPacket | ContextPacket): true {
    this.#record.unknown = [...(this.#record.unknown ?? []), packet];
    return true;
  }

  #finish(): void {
    const offset = this.#start;
    const size = this.#end - offset;
    this.#account.records += size;
    const item: RecordItem = {
      kind: "record",
      offset,
      size,
      record: this.#record,
      badBytes: this.#badInside,
    };
    this.#reset();
    this.#sink(item);
  }

  #abandon(): void {
    if (this.#start < 0) return;
    const offset = this.#start;
    const size = this.#end - offset;
    this.#account.unterminated += size;
    const item: RecordItem = { kind: "error", reason: "unterminated", offset, size, partial: this.#record };
    this.#reset();
    this.#sink(item);
  }

  #reset(): void {
    this.#record = {};
    this.#start = -1;
    this.#badInside = 0;
  }

  #flushBad(): void {
    if (this.#badSize === 0) return;
    const item: RecordItem = {
      kind: "error",
      reason: "bad-bytes",
      offset: this.#badStart,
      size: this.#badSize,
    };
    this.#badSize = 0;
    this.#sink(item);
  }
}

/** What all 1024 classes and payloads say: records share these objects. */
const OPERATIONS: readonly SampledOperation[] = Array.from({ length: 1024 }, (_, n) =>
  Object.freeze(decodeOperation(n >> 8, n & 0xff)),
);
