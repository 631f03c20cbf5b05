import type { CommRecord, MmapRecord } from "./perf-record.js";

/** Says whose a thread is and what is mapped where, from a file's comm and mmap records. */
export class Attribution {
  readonly #comms = new Map<number, string>();
  readonly #mmaps = new Map<number, MmapRecord[]>();

  constructor(comms: Iterable<CommRecord>, mmaps: Iterable<MmapRecord>) {
    for (const { tid, comm } of comms) this.#comms.set(tid, comm);
    for (const mmap of mmaps) {
      const list = this.#mmaps.get(mmap.pid);
      if (list) list.push(mmap);
      else this.#mmaps.set(mmap.pid, [mmap]);
    }
  }

  /** The last name that the thread had; SPE's context packets hold thread ids where the kernel puts them there. */
  commOf(tid: number): string | undefined {
    return this.#comms.get(tid);
  }

  /** The last mapping of the process that holds the address; -1 is the kernel. */
  mappingAt(pid: number, address: bigint): MmapRecord | undefined {
    return this.#mmaps
      .get(pid)
      ?.findLast(({ start, length }) => address >= start && address - start < length);
  }
}
