import {
  decodeDataPhysicalAddress,
  decodeDataVirtualAddress,
  decodeInstructionAddress,
} from "../address/decode-address.js";
import { decodeOperation } from "../operation/decode-operation.js";
import type { DecodeOptions } from "../packet/decode-options.js";
import type { DecodedPacket } from "../packet/packet.js";
import { PacketDecoder } from "../packet/packet-decoder.js";
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
  readonly #packets: PacketDecoder;
  readonly #account = { total: 0, records: 0, unterminated: 0, padding: 0, bad: 0 };
  #record: Writable<SpeRecord> = {};
  #start = -1;
  #end = 0;
  #badInside = 0;
  #badStart = 0;
  #badSize = 0;

  constructor(options: DecodeOptions = {}) {
    this.#packets = new PacketDecoder(options);
  }

  /** What became of the bytes, complete after `end`. */
  get account(): ByteAccount {
    return { ...this.#account };
  }

  /** Takes the next chunk and hands over the records that end in it. */
  push(chunk: Uint8Array, sink: RecordSink): void {
    this.#packets.push(chunk, (packet) => this.#take(packet, sink));
  }

  /** Says that no more will come, and hands over what is left. */
  end(sink: RecordSink): void {
    this.#packets.end((packet) => this.#take(packet, sink));
    this.#flushBad(sink);
    this.#abandon(sink);
  }

  #take(packet: DecodedPacket, sink: RecordSink): void {
    this.#account.total += packet.size;
    if (packet.kind === "bad") {
      if (this.#start >= 0 && packet.offset + 1 - this.#start > MAX_RECORD_SIZE) this.#abandon(sink);
      if (this.#badSize === 0) this.#badStart = packet.offset;
      this.#badSize++;
      if (this.#start < 0) this.#account.bad++;
      else {
        this.#badInside++;
        this.#end = packet.offset + 1;
      }
      return;
    }
    if (this.#badSize > 0) this.#flushBad(sink);
    if (packet.kind === "padding" || packet.kind === "alignment") {
      this.#pad(packet.offset, packet.size, sink);
      return;
    }
    if (this.#start >= 0 && packet.offset + packet.size - this.#start > MAX_RECORD_SIZE) this.#abandon(sink);
    if (this.#start < 0) this.#start = packet.offset;
    if (!this.#add(packet)) {
      this.#abandon(sink);
      this.#start = packet.offset;
      this.#add(packet);
    }
    this.#end = packet.offset + packet.size;
    if (packet.kind === "end" || packet.kind === "timestamp") this.#finish(sink);
  }

  /** Padding belongs to the record around it, but not beyond a record's largest size. */
  #pad(offset: number, size: number, sink: RecordSink): void {
    const inside = this.#start < 0 ? 0 : Math.min(size, this.#start + MAX_RECORD_SIZE - offset);
    if (this.#start >= 0) this.#end = offset + inside;
    if (inside < size) {
      this.#abandon(sink);
      this.#account.padding += size - inside;
    }
  }

  /** Adds what the packet says; false if the record has such a packet. */
  #add(packet: Exclude<DecodedPacket, { kind: "bad" | "padding" | "alignment" }>): boolean {
    const record = this.#record;
    switch (packet.kind) {
      case "end":
        return true;
      case "timestamp":
        record.timestamp = packet.value;
        return true;
      case "operation":
        if (record.operation !== undefined) return false;
        record.operation = decodeOperation(packet.class, packet.payload);
        return true;
      case "events":
        if (record.events !== undefined) return false;
        record.events = { bits: packet.bits, width: packet.width };
        return true;
      case "data-source":
        if (record.dataSource !== undefined) return false;
        record.dataSource = { value: packet.value, width: packet.width };
        return true;
      case "context":
        if (packet.index > 1) return this.#addUnknown(packet);
        if (packet.index === 0) {
          if (record.contextEl1 !== undefined) return false;
          record.contextEl1 = packet.value;
        } else {
          if (record.contextEl2 !== undefined) return false;
          record.contextEl2 = packet.value;
        }
        return true;
      case "counter": {
        if (packet.index > 2) return this.#addUnknown(packet);
        record.latency ??= {};
        const latency: Writable<Latencies> = record.latency;
        const name = packet.index === 0 ? "total" : packet.index === 1 ? "issue" : "translation";
        if (latency[name] !== undefined) return false;
        latency[name] = packet.value;
        return true;
      }
      case "address":
        switch (packet.index) {
          case 0:
            if (record.pc !== undefined) return false;
            record.pc = decodeInstructionAddress(packet.value);
            return true;
          case 1:
            if (record.target !== undefined) return false;
            record.target = decodeInstructionAddress(packet.value);
            return true;
          case 2:
            if (record.dataVirtual !== undefined) return false;
            record.dataVirtual = decodeDataVirtualAddress(packet.value);
            return true;
          case 3:
            if (record.dataPhysical !== undefined) return false;
            record.dataPhysical = decodeDataPhysicalAddress(packet.value);
            return true;
          case 4:
            if (record.previousTarget !== undefined) return false;
            record.previousTarget = decodeInstructionAddress(packet.value);
            return true;
          default:
            return this.#addUnknown(packet);
        }
    }
  }

  #addUnknown(packet: NonNullable<SpeRecord["unknown"]>[number] & { offset?: number; size?: number }): true {
    const { offset: _offset, size: _size, ...bare } = packet;
    this.#record.unknown = [...(this.#record.unknown ?? []), bare];
    return true;
  }

  #finish(sink: RecordSink): void {
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
    sink(item);
  }

  #abandon(sink: RecordSink): void {
    if (this.#start < 0) return;
    const offset = this.#start;
    const size = this.#end - offset;
    this.#account.unterminated += size;
    const item: RecordItem = { kind: "error", reason: "unterminated", offset, size, partial: this.#record };
    this.#reset();
    sink(item);
  }

  #reset(): void {
    this.#record = {};
    this.#start = -1;
    this.#badInside = 0;
  }

  #flushBad(sink: RecordSink): void {
    if (this.#badSize === 0) return;
    const item: RecordItem = {
      kind: "error",
      reason: "bad-bytes",
      offset: this.#badStart,
      size: this.#badSize,
    };
    this.#badSize = 0;
    sink(item);
  }
}
