import { Cell } from "@kvmm/interleave";

/**
 * Journalled state that is no scheduling point, because no other task touches it meanwhile: what belongs to one vCPU,
 * or what its users protect themselves.
 */
export class Local<T> extends Cell<T> {
  override isPoint(): boolean {
    return false;
  }
}
