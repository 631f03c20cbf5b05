import type { ProfilingMemory, TranslationFault } from "./profiling-memory.js";

/** What became of a record that was to be written. */
export type WriteResult =
  | { readonly kind: "written"; readonly pointer: bigint; readonly full: boolean }
  /** No room for it. */
  | { readonly kind: "full" }
  /** `pointer` is the address that faulted; with `torn` the bytes before it are in the buffer. */
  | {
      readonly kind: "fault";
      readonly fault: TranslationFault;
      readonly pointer: bigint;
      readonly torn: boolean;
    };

const PAGE = 4096n;
/** PMBLIMITR_EL1.LIMIT, in place: bits 63:12. */
const LIMIT = ~0xfffn;

/**
 * Writes a record at the buffer's pointer. The buffer is full once it has no room for a record of
 * the largest size.
 * @param maxRecordSize - bytes.
 */
export function writeToBuffer(
  memory: ProfilingMemory,
  pointer: bigint,
  pmblimitr: bigint,
  maxRecordSize: number,
  record: Uint8Array,
): WriteResult {
  const limit = pmblimitr & LIMIT;
  if (pointer + BigInt(record.length) > limit) return { kind: "full" };
  const start = Number(pointer & (PAGE - 1n));
  let done = 0;
  while (done < record.length) {
    const va = pointer + BigInt(done);
    const size = Math.min(record.length - done, 4096 - ((start + done) % 4096));
    const place = memory.translate(va);
    if (place.kind === "fault") return { kind: "fault", fault: place, pointer: va, torn: done > 0 };
    memory.store(place.address, record.subarray(done, done + size));
    done += size;
  }
  const next = pointer + BigInt(record.length);
  return { kind: "written", pointer: next, full: next + BigInt(maxRecordSize) > limit };
}
