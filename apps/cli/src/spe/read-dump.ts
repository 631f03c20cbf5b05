import { InputError } from "@kvmm/scenario";

/** The bytes of one buffer in what was printed, and whose they are. */
export interface DumpedBuffer {
  /** -1 for a thread's. */
  readonly cpu: number;
  /** -1 for a CPU's. */
  readonly tid: number;
  readonly auxOffset: number;
  readonly bytes: Uint8Array;
}

/** `.  00000010:  b0 d0 c2 ...   PC 0x...`: the hexadecimal column is 16 bytes wide at most. */
const LINE = /^\.\s+([0-9a-f]{8,16}):\s{1,2}((?:[0-9a-f]{2} ?){1,16})(?:\s|$)/;
const HEADER = /ARM SPE data: size (?:0x)?[0-9a-f]+ bytes/;
/** As `kvmm spe decode` and as perf name the buffer. */
const OURS = /^CPU (\d+), AUX offset 0x([0-9a-f]+)/;
const PERFS = /PERF_RECORD_AUXTRACE size: 0x[0-9a-f]+\s+offset: (0x[0-9a-f]+).*?cpu: (-?\d+)/;

/**
 * The SPE data in the text that `perf report --dump-raw-trace` and `kvmm spe decode` print: the bytes of each packet are
 * there, so that it is exact.
 * @throws InputError where a packet does not stand where the one before ends, or there is none
 */
export function readDump(text: string, name: string): readonly DumpedBuffer[] {
  const buffers: { cpu: number; auxOffset: number; bytes: number[] }[] = [];
  let place = { cpu: -1, auxOffset: 0 };
  for (const [index, line] of text.split("\n").entries()) {
    const ours = OURS.exec(line);
    const perfs = PERFS.exec(line);
    if (ours !== null) place = { cpu: Number(ours[1]), auxOffset: Number.parseInt(ours[2]!, 16) };
    else if (perfs !== null) place = { cpu: Number(perfs[2]), auxOffset: Number(perfs[1]) };
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
  return found.map(({ cpu, auxOffset, bytes }) => ({
    cpu: Math.max(0, cpu),
    tid: -1,
    auxOffset,
    bytes: Uint8Array.from(bytes),
  }));
}
