import { ByteReader } from "../bytes/byte-reader.js";
import { type ByteSource, memorySource } from "../bytes/byte-source.js";
import { decodePerfRecord, decodeSampleId } from "./decode-perf-record.js";
import { PerfDataError } from "./perf-data-error.js";
import type { PerfEventAttr } from "./perf-event-attr.js";
import { type PerfHeader, readPerfHeader } from "./perf-header.js";
import type { LocatedPerfRecord } from "./perf-record.js";
import { RecordType } from "./record-type.js";

/** A perf.data file that is read record by record. */
export interface PerfData {
  readonly header: PerfHeader;
  readonly source: ByteSource;
  /**
   * The records in the order of the file. Compressed ones come as `other`. AUX data is skipped over:
   * `source.read` gets it.
   * @throws PerfDataError where the file stops making sense; what came before is good.
   */
  records(): Generator<LocatedPerfRecord, void, undefined>;
}

const RECORD_HEADER = 8;
const AUXTRACE_SIZE = 48;

/**
 * Opens a perf.data file, from memory or from anything that reads pieces of it.
 * @throws PerfDataError if it is no perf.data file of version 2.
 */
export function readPerfData(input: Uint8Array | ByteSource): PerfData {
  const source = input instanceof Uint8Array ? memorySource(input) : input;
  const header = readPerfHeader(source);
  return { header, source, records: () => records(source, header) };
}

function* records(source: ByteSource, header: PerfHeader): Generator<LocatedPerfRecord, void, undefined> {
  const end = header.data.offset + header.data.size;
  let attr: PerfEventAttr | undefined = header.attributes[0];
  for (let at = header.data.offset; at < end; ) {
    const start = new ByteReader(source.read(at, RECORD_HEADER), header.littleEndian);
    const size = start.u16(6);
    if (start.size < RECORD_HEADER || size < RECORD_HEADER || at + size > end)
      throw new PerfDataError(`a record of ${size} bytes, where ${end - at} are left`, at);
    if (start.u32(0) === RecordType.auxtrace && size < AUXTRACE_SIZE)
      throw new PerfDataError(`an AUXTRACE record of ${size} bytes`, at);
    const reader = new ByteReader(source.read(at, size), header.littleEndian);
    const record = decodePerfRecord(reader, at + size, end - at - size);
    if (record.kind === "attribute") attr ??= record.attr;
    yield { ...record, fileOffset: at, size, sampleId: decodeSampleId(reader, attr) };
    at += size + (record.kind === "auxtrace" ? record.data.size : 0);
  }
}
