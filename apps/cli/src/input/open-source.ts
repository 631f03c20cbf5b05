import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { ByteSource } from "@kvmm/traces";

/** A file that is read in pieces, of which the last is kept. */
export interface OpenSource extends ByteSource {
  close(): void;
}

/** Bytes kept: what small reads one after the other are served from. */
const WINDOW = 1 << 20;

/** A regular file as a source of bytes, in bounded memory; undefined for anything else, or what cannot be opened. */
export function openSource(path: string): OpenSource | undefined {
  try {
    // Opening a pipe only to find that it is one would take it from who writes to it.
    if (!statSync(path).isFile()) return undefined;
    const fd = openSync(path, "r");
    return sourceOf(fd, fstatSync(fd).size);
  } catch {
    return undefined;
  }
}

/** An open file in which one can seek. */
export function sourceOf(fd: number, size: number): OpenSource {
  let window = new Uint8Array(0);
  let at = 0;
  const fill = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(fd, bytes, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  };
  return {
    size,
    read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset));
      if (wanted === 0) return new Uint8Array(0);
      if (wanted > WINDOW) return fill(offset, wanted);
      if (offset < at || offset + wanted > at + window.length) {
        at = offset;
        window = new Uint8Array(fill(offset, Math.min(WINDOW, size - offset)));
      }
      return window.subarray(offset - at, offset - at + wanted);
    },
    close: () => closeSync(fd),
  };
}
