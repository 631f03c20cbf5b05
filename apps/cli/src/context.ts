import type { ConformInput, Model } from "@kvmm/scenario";
import type { EvidenceFor } from "./input/evidence.js";

/** Everything that a command sees of the world: tests give it another one. */
export interface Context {
  readonly model: Model;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard input, as it comes. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** The recordings of real kernels that reviews stand on. */
  readonly readEvidence: (wanted: EvidenceFor) => Promise<readonly ConformInput[]>;
}

export interface Sink {
  readonly write: (text: string) => void;
  /** Resolves when there is room for more: a slow reader is waited for. */
  readonly drained: () => Promise<void>;
  readonly isTty: boolean;
  /** The terminal's width; undefined where there is none. */
  readonly columns: number | undefined;
}

/** `holds`, `does not hold or differs`, `could not run`. */
export type ExitStatus = 0 | 1 | 2;
