/** What decides between readings of the same bytes. */
export interface DecodeOptions {
  /**
   * Address, in the profiling buffer, of the first input byte, from which alignment packets count.
   * Only its lower 16 bits matter: in an AUX area they are those of the AUX offset. Default 0.
   */
  readonly base?: number;
  /**
   * Refuse what `perf` refuses: an alignment above 16 bytes, and one with fewer bytes behind it
   * than the alignment. Default false.
   */
  readonly asPerf?: boolean;
}

/** The longest packet, an alignment, and so what a decoder may have to wait for: bytes. */
export const MAX_PACKET_SIZE = 1 << 16;
