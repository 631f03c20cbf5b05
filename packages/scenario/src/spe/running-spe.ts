/** The profiling unit of the vCPU while the guest has it enabled: what the rest of the machine sees of it. */
export interface RunningSpe {
  /** Guest physical address of the buffer, page-aligned. */
  readonly gpa: number;
  /** Bytes of the buffer. */
  readonly size: number;
  /** Some CPU waits until a stage-2 entry is out of every TLB, and the profiled vCPU runs on. */
  duringTlbInvalidation(): void;
}
