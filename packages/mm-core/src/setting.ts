import { Cell } from "@kvmm/interleave";

/** A word of the kernel's that is read without a lock, and that no path waits for: no scheduling point. */
export class Setting<T> extends Cell<T> {
  override isPoint(): boolean {
    return false;
  }
}
