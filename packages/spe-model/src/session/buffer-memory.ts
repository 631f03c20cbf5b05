import type { ProfilingMemory, Translation, TranslationFault } from "../unit/profiling-memory.js";

const PAGE = 4096;

/**
 * Memory for a profiling buffer, where each page of 4 KiB is mapped or faults: enough for programs
 * without a memory model of their own.
 */
export class BufferMemory implements ProfilingMemory {
  readonly #base: bigint;
  readonly #bytes: Uint8Array;
  readonly #faults = new Map<number, TranslationFault>();

  /** @param size - bytes. */
  constructor(base: bigint, size: number) {
    this.#base = base;
    this.#bytes = new Uint8Array(size);
  }

  /** SPE's accesses to the page, counted from the buffer's start, fault from now on. */
  unmap(page: number, fault: Omit<TranslationFault, "kind">): void {
    this.#faults.set(page, { kind: "fault", ...fault });
  }

  /** The page is mapped again. */
  map(page: number): void {
    this.#faults.delete(page);
  }

  translate(va: bigint): Translation {
    const address = Number(va - this.#base);
    if (address < 0 || address >= this.#bytes.length) return { kind: "fault", reason: "stage1", fsc: 0x07 };
    return this.#faults.get(Math.floor(address / PAGE)) ?? { kind: "memory", address };
  }

  store(address: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, address);
  }

  /** What the CPU reads, whatever SPE sees. */
  load(va: bigint, size: number): Uint8Array {
    const at = Number(va - this.#base);
    return this.#bytes.slice(at, at + size);
  }

  /** The CPU writes zeros. */
  clear(va: bigint, size: number): void {
    const at = Number(va - this.#base);
    this.#bytes.fill(0, at, at + size);
  }
}
