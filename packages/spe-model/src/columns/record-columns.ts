/** Bits of `RecordColumns.present`: which fields a record has. */
export const Present = {
  pc: 1 << 0,
  target: 1 << 1,
  dataVirtual: 1 << 2,
  dataPhysical: 1 << 3,
  previousTarget: 1 << 4,
  contextEl1: 1 << 5,
  contextEl2: 1 << 6,
  operation: 1 << 7,
  events: 1 << 8,
  total: 1 << 9,
  issue: 1 << 10,
  translation: 1 << 11,
  dataSource: 1 << 12,
  timestamp: 1 << 13,
  /** Has packets whose index means nothing yet; they are in no column. */
  unknown: 1 << 14,
} as const;

/**
 * Records as columns, one row for each, about 115 bytes. A field that a record does not have is 0;
 * `present` tells. Addresses and events are the packets' payloads: `decodeInstructionAddress` and its
 * sisters, `decodeOperation` and `eventNames` read them.
 */
export class RecordColumns {
  /** Rows there is room for. */
  readonly capacity: number;
  /** Rows in use. */
  count = 0;
  /** Bytes from the start of the input. */
  readonly offset: Float64Array;
  /** Bytes. */
  readonly size: Uint32Array;
  /** `Present` bits. */
  readonly present: Uint16Array;
  readonly pc: BigUint64Array;
  readonly target: BigUint64Array;
  readonly previousTarget: BigUint64Array;
  readonly dataVirtual: BigUint64Array;
  readonly dataPhysical: BigUint64Array;
  readonly timestamp: BigUint64Array;
  readonly events: BigUint64Array;
  readonly contextEl1: Uint32Array;
  readonly contextEl2: Uint32Array;
  /** The lower 32 bits; CPUs use 8 or 16. */
  readonly dataSource: Uint32Array;
  readonly operationClass: Uint8Array;
  readonly operationPayload: Uint8Array;
  /** Cycles. */
  readonly total: Uint16Array;
  /** Cycles. */
  readonly issue: Uint16Array;
  /** Cycles. */
  readonly translation: Uint16Array;
  /** Bytes inside the record that are no packet. */
  readonly badBytes: Uint32Array;
  /** Where all bytes went that were decoded into these columns; as `ByteAccount`. */
  readonly account = { records: 0, unterminated: 0, padding: 0, bad: 0 };

  /** @param capacity - rows, 1 and more. */
  constructor(capacity = 1 << 16) {
    this.capacity = capacity;
    this.offset = new Float64Array(capacity);
    this.size = new Uint32Array(capacity);
    this.present = new Uint16Array(capacity);
    this.pc = new BigUint64Array(capacity);
    this.target = new BigUint64Array(capacity);
    this.previousTarget = new BigUint64Array(capacity);
    this.dataVirtual = new BigUint64Array(capacity);
    this.dataPhysical = new BigUint64Array(capacity);
    this.timestamp = new BigUint64Array(capacity);
    this.events = new BigUint64Array(capacity);
    this.contextEl1 = new Uint32Array(capacity);
    this.contextEl2 = new Uint32Array(capacity);
    this.dataSource = new Uint32Array(capacity);
    this.operationClass = new Uint8Array(capacity);
    this.operationPayload = new Uint8Array(capacity);
    this.total = new Uint16Array(capacity);
    this.issue = new Uint16Array(capacity);
    this.translation = new Uint16Array(capacity);
    this.badBytes = new Uint32Array(capacity);
  }

  /** Makes room for the next batch. The account goes on. */
  clear(): void {
    this.count = 0;
  }
}
