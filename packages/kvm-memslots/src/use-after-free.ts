import { type Host, hex, type Pfn } from "@kvmm/mm-core";
import type { Memslot } from "./slots/memslot.js";

/**
 * A frame or a memslot is used that was freed: memory of somebody else, in a real kernel. Thrown where it happens; a
 * frame that was handed out again in the meantime is not noticed.
 */
export class UseAfterFree extends Error {
  override name = "UseAfterFree";
  constructor(
    /** What was freed: `pfn 0x1234`, `slot 0`. */
    readonly what: string,
    who: string,
  ) {
    super(`${who} uses ${what}, which is free`);
  }
}

/** To be called before a frame's contents are read or written through anything but a reference to it. */
export function useFrame(host: Host, pfn: Pfn, who: string): void {
  const { frames } = host;
  if (frames.refcount.get(frames.folio(pfn)) === 0) throw new UseAfterFree(`pfn ${hex(pfn)}`, who);
}

/** To be called before a memslot is used that no list of memslots has led to. */
export function useMemslot(slot: Memslot, who: string): void {
  if (slot.isFreed.get()) throw new UseAfterFree(`slot ${slot.slotId}`, who);
}
