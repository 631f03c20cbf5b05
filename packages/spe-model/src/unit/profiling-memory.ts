/** Why a write of the profiling buffer does not reach memory. */
export interface TranslationFault {
  readonly kind: "fault";
  readonly reason: "stage1" | "stage2" | "granule-protection" | "external-abort";
  /** Fault status code, 6 bits, as in ESR_ELx.DFSC: `FaultStatusCode` and a level. */
  readonly fsc: number;
}

/** Where a virtual address is in memory, or why it is nowhere. */
export type Translation = { readonly kind: "memory"; readonly address: number } | TranslationFault;

/** The memory that the unit writes to, through the translation in force at that moment. */
export interface ProfilingMemory {
  /** Both stages for a write at this virtual address (64 bits). Asked once for each 4 KiB a record touches. */
  translate(va: bigint): Translation;
  /** Writes bytes, all within 4 KiB, at an address that `translate` gave. */
  store(address: number, bytes: Uint8Array): void;
}
