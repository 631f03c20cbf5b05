import type { DataPhysicalAddress, DataVirtualAddress, InstructionAddress } from "../address/address.js";
import type { SampledOperation } from "../operation/operation.js";
import type { AddressPacket, ContextPacket, CounterPacket, PayloadWidth } from "../packet/packet.js";

/** Latencies in cycles, 0 to 65535; hardware saturates at 12 or 16 bits (PMSIDR_EL1.CountSize). */
export interface Latencies {
  /** From when the sampled operation was dispatched to its completion. */
  readonly total?: number;
  /** Until it was issued for execution. */
  readonly issue?: number;
  /** Until its address was translated. */
  readonly translation?: number;
}

/** One sampled operation: what lies between two end or timestamp packets. */
export interface SpeRecord {
  readonly pc?: InstructionAddress;
  readonly target?: InstructionAddress;
  readonly previousTarget?: InstructionAddress;
  readonly dataVirtual?: DataVirtualAddress;
  readonly dataPhysical?: DataPhysicalAddress;
  /** CONTEXTIDR_EL1, 32 bits. */
  readonly contextEl1?: number;
  /** CONTEXTIDR_EL2, 32 bits. */
  readonly contextEl2?: number;
  readonly operation?: SampledOperation;
  /** Bits as in `EventBit`, and how many bytes carried them. */
  readonly events?: { readonly bits: bigint; readonly width: PayloadWidth };
  readonly latency?: Latencies;
  /** A number that the CPU chooses (`dataSourceName`), and how many bytes carried it. */
  readonly dataSource?: { readonly value: bigint; readonly width: PayloadWidth };
  /** Counts of the generic timer, 64 bits; without it the record ends in an end packet. */
  readonly timestamp?: bigint;
  /** Packets whose index means nothing yet. */
  readonly unknown?: readonly (AddressPacket | CounterPacket | ContextPacket)[];
}

/** A record's bytes: from its first packet that is not padding to its end. */
export interface DecodedRecord {
  readonly kind: "record";
  /** Bytes from the start of the input. */
  readonly offset: number;
  /** Bytes, with padding and bad bytes inside. */
  readonly size: number;
  readonly record: SpeRecord;
  /** Bad bytes inside, each reported before; what is left of the record may be wrong. */
  readonly badBytes: number;
}

/** Bytes that are no record. */
export interface RecordError {
  readonly kind: "error";
  /**
   * `bad-bytes`: no packet starts there, or the input ends inside one.
   * `unterminated`: the record ends without an end or timestamp packet, because the next one
   * starts, the input ends or it grew beyond `MAX_RECORD_SIZE`.
   */
  readonly reason: "bad-bytes" | "unterminated";
  /** Bytes from the start of the input. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** What an unterminated record had. */
  readonly partial?: SpeRecord;
}

/** What record decoders yield. */
export type RecordItem = DecodedRecord | RecordError;

/** The largest record that PMSIDR_EL1.MaxSize can announce: bytes. */
export const MAX_RECORD_SIZE = 2048;
