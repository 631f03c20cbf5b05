import { InputError } from "@kvmm/scenario";
import type { AuxNoteData } from "@kvmm/traces";

/** The bytes of one buffer in what was printed, and whose they are. */
export interface DumpedBuffer {
  /** -1 for a thread's. */
  readonly cpu: number;
  /** -1 for a CPU's. */
  readonly tid: number;
  readonly auxOffset: number;
  readonly bytes: Uint8Array;
}

/** What was printed: the data, and what the driver said of it where that was printed too. */
export interface DumpedData {
  readonly buffers: readonly DumpedBuffer[];
  readonly notes?: readonly AuxNoteData[];
}

/** `.  00000010:  b0 d0 c2 ...   PC 0x...`: the hexadecimal column is 16 bytes wide at most. */
const LINE = /^\.\s+([0-9a-f]{8,16}):\s{1,2}((?:[0-9a-f]{2} ?){1,16})(?:\s|$)/;
const HEADER = /ARM SPE data: (?:size (?:0x)?[0-9a-f]+ bytes|as it comes)/;
/** As `kvmm spe decode` and as perf name the buffer. */
const OURS = /^(CPU|thread) (\d+), AUX offset 0x([0-9a-f]+)/;
const PERFS =
  /PERF_RECORD_AUXTRACE size: (?:0x)?[0-9a-f]+\s+offset: (0x[0-9a-f]+|0).*?tid: (-?\d+).*?cpu: (-?\d+)/;

/**
 * The SPE data in the text that `perf report --dump-raw-trace` and `kvmm spe decode` print: the bytes of each packet are
 * there, so that it is exact.
 * @throws InputError where a packet does not stand where the one before ends, or there is none
 */
export function readDump(text: string, name: string): DumpedData {
  const buffers: { cpu: number; tid: number; auxOffset: number; bytes: number[] }[] = [];
  let place = { cpu: 0, tid: -1, auxOffset: 0 };
  for (const [index, line] of text.split("\n").entries()) {
    const named = ownerIn(line);
    if (named !== undefined) place = named;
    else if (HEADER.test(line)) buffers.push({ ...place, bytes: [] });
    const packet = LINE.exec(line);
    if (packet === null) continue;
    if (buffers.length === 0) buffers.push({ ...place, bytes: [] });
    const { bytes } = buffers.at(-1)!;
    const offset = Number.parseInt(packet[1]!, 16);
    if (offset !== bytes.length) {
      const problem = `line ${index + 1}: a packet at byte ${offset}, where the one before ends at ${bytes.length}`;
      throw new InputError(name, { problem, hint: "the dump should be whole, as it was printed" });
    }
    for (const byte of packet[2]!.trim().split(/\s+/)) bytes.push(Number.parseInt(byte, 16));
  }
  const found = buffers.filter(({ bytes }) => bytes.length > 0);
  if (found.length === 0) {
    throw new InputError(name, {
      problem: "has no line of a raw dump",
      hint: "perf report --dump-raw-trace and kvmm spe decode print them",
    });
  }
  return { buffers: found.map((buffer) => ({ ...buffer, bytes: Uint8Array.from(buffer.bytes) })) };
}

/** Whose the data below is, where the line says so: a thread's buffer has no CPU, and a CPU's no thread. */
function ownerIn(line: string): Omit<DumpedBuffer, "bytes"> | undefined {
  const ours = OURS.exec(line);
  if (ours !== null) {
    const [, kind, number, offset] = ours;
    const auxOffset = Number.parseInt(offset!, 16);
    return kind === "CPU"
      ? { cpu: Number(number), tid: -1, auxOffset }
      : { cpu: -1, tid: Number(number), auxOffset };
  }
  const perfs = PERFS.exec(line);
  if (perfs === null) return undefined;
  const [, offset, tid, cpu] = perfs;
  return { cpu: Number(cpu), tid: Number(tid), auxOffset: Number(offset) };
}
