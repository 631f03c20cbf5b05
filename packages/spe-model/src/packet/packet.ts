/**
 * The packets of Arm SPE's record format (Arm ARM DDI 0487, chapter "Statistical Profiling
 * Extension Sample Record Specification"). A packet keeps every bit of its payload; what the bits
 * mean is in `operation/`, `address/` and `events/`.
 */

/** How many bytes a payload of variable width takes; the header says which. */
export type PayloadWidth = 1 | 2 | 4 | 8;

/** Zero bytes, at most 16 in one decoded packet, as `perf` groups them. */
export interface PaddingPacket {
  readonly kind: "padding";
  /** Bytes, 1 to 16 when decoded. */
  readonly size: number;
}

/**
 * Skips to the next multiple of `2 ** shift` bytes of the profiling buffer. How many bytes that is
 * depends on where in the buffer the packet stands, so `size` says it.
 */
export interface AlignmentPacket {
  readonly kind: "alignment";
  /** 1 to 16. `perf` reads 1 to 4 only. */
  readonly shift: number;
  /** Bytes of header, skipped bytes, and zeros that follow within the first 16. */
  readonly size: number;
}

/** Ends a record without a timestamp. */
export interface EndPacket {
  readonly kind: "end";
}

/** Ends a record. */
export interface TimestampPacket {
  readonly kind: "timestamp";
  /** Counts of the generic timer, 64 bits. */
  readonly value: bigint;
}

/** An instruction's or a data address; see `addressRole`. */
export interface AddressPacket {
  readonly kind: "address";
  /** 0 PC, 1 branch target, 2 data virtual, 3 data physical, 4 previous branch target; 0 to 31. */
  readonly index: number;
  /** Has a header of two bytes; an index above 7 needs one. */
  readonly extended: boolean;
  /** 64 bits. */
  readonly value: bigint;
}

/** A latency in cycles. */
export interface CounterPacket {
  readonly kind: "counter";
  /** 0 total, 1 issue, 2 translation; 0 to 31. */
  readonly index: number;
  /** Has a header of two bytes; an index above 7 needs one. */
  readonly extended: boolean;
  /** 0 to 65535; hardware saturates at 12 or 16 bits. */
  readonly value: number;
}

/** CONTEXTIDR of an exception level. */
export interface ContextPacket {
  readonly kind: "context";
  /** 0 EL1, 1 EL2; 0 to 3. */
  readonly index: number;
  /** 32 bits. */
  readonly value: number;
}

/** What kind of operation was sampled; `decodeOperation` reads it. */
export interface OperationPacket {
  readonly kind: "operation";
  /** 0 other, 1 load, store or atomic, 2 branch or exception return, 3 reserved. */
  readonly class: number;
  /** 8 bits. */
  readonly payload: number;
}

/** What happened to the operation; `EventBit` names the bits. */
export interface EventsPacket {
  readonly kind: "events";
  readonly width: PayloadWidth;
  readonly bits: bigint;
}

/** Where a load's data came from, in numbers that each CPU chooses. */
export interface DataSourcePacket {
  readonly kind: "data-source";
  readonly width: PayloadWidth;
  readonly value: bigint;
}

/** Any well-formed packet. */
export type Packet =
  | PaddingPacket
  | AlignmentPacket
  | EndPacket
  | TimestampPacket
  | AddressPacket
  | CounterPacket
  | ContextPacket
  | OperationPacket
  | EventsPacket
  | DataSourcePacket;

/** One byte that starts no packet. Decoding goes on behind it. */
export interface BadPacket {
  readonly kind: "bad";
  /** `unknown-header`: no packet starts so. `torn`: the input ends inside the packet. */
  readonly reason: "unknown-header" | "torn";
  /** The byte itself. */
  readonly byte: number;
}

/** Where a decoded packet stands. */
export interface Located {
  /** Bytes from the start of the input. */
  readonly offset: number;
  /** Bytes. The sizes of all packets, bad ones included, add up to the input's. */
  readonly size: number;
}

/** What decoders yield. */
export type DecodedPacket = (Packet | BadPacket) & Located;
