import { type Host, hex, type Pfn } from "@kvmm/mm-core";

/**
 * A frame is used that mm has freed: memory of somebody else, in a real kernel. Thrown where it happens; a frame that
 * was handed out again in the meantime is not noticed.
 */
export class UseAfterFree extends Error {
  override name = "UseAfterFree";
  constructor(
    readonly pfn: Pfn,
    who: string,
  ) {
    super(`${who} uses pfn ${hex(pfn)}, which is free`);
  }
}

/** To be called before a frame's contents are read or written through anything but a reference to it. */
export function useFrame(host: Host, pfn: Pfn, who: string): void {
  const { frames } = host;
  if (frames.refcount.get(frames.folio(pfn)) === 0) throw new UseAfterFree(pfn, who);
}
