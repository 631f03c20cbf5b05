import { DEFAULT_PMSIDR, encodeRecord, PMSCR, sampleRecord, Workload } from "@kvmm/spe-model";

/** Bytes of SPE records as a core with 64-byte alignment writes them: a synthetic program's, always the same. */
export function speStream(size: number): Uint8Array {
  const pmscr = PMSCR.encode({ E0SPE: 1, TS: 1, PA: 1, CX: 1 });
  const program = new Workload({ seed: 42, pattern: "hot-and-cold", physical: (va) => va & 0xff_ffff_ffffn });
  // A part of 8 MiB, repeated: the decoders keep nothing that a repetition could help.
  const part = new Uint8Array(Math.min(size, 8 << 20));
  let at = 0;
  for (let n = 0; at + 64 <= part.length; n++) {
    program.skip(1023);
    const context = { el: 0, contextId: 4242, timestamp: BigInt(n * 64) };
    part.set(encodeRecord(sampleRecord(program.next(), context, pmscr, DEFAULT_PMSIDR), 64), at);
    at += 64;
  }
  const bytes = new Uint8Array(size);
  for (let to = 0; to < size; to += at) bytes.set(part.subarray(0, Math.min(at, size - to)), to);
  return bytes;
}
