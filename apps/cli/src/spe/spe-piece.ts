import { MAX_PACKET_SIZE } from "@kvmm/spe-model";
import type { ByteSource } from "@kvmm/traces";
import { joined, type SpePiece } from "./spe-stream.js";

/** Bytes decoded at a time: above twice the longest packet, below what a terminal would wait for. */
const CHUNK = 1 << 20;
const LEAST = 2 * MAX_PACKET_SIZE;

/** Bytes of a file. */
export function filePiece(
  source: ByteSource,
  { auxOffset, fileOffset, size }: { auxOffset: number; fileOffset: number; size: number },
  onBytes: (bytes: number) => void,
): SpePiece {
  return {
    auxOffset,
    size,
    async *chunks(most = size) {
      const end = Math.min(most, size);
      for (let at = 0; at < end; at += CHUNK) {
        const chunk = source.read(fileOffset + at, Math.min(CHUNK, end - at)).slice();
        yield chunk;
        onBytes(chunk.length);
      }
    },
  };
}

/** Bytes that come once and are not kept, such as a pipe's: they can be gone through a single time. */
export function passingPiece(passing: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): SpePiece {
  let size = 0;
  let hasEnded = false;
  return {
    auxOffset: 0,
    get size() {
      return hasEnded ? size : undefined;
    },
    async *chunks() {
      let waiting: Uint8Array = new Uint8Array(0);
      for await (const bytes of passing) {
        size += bytes.length;
        onBytes(bytes.length);
        waiting = joined(waiting, bytes);
        if (waiting.length < LEAST) continue;
        yield waiting;
        waiting = new Uint8Array(0);
      }
      hasEnded = true;
      if (waiting.length > 0) yield waiting;
    },
  };
}
