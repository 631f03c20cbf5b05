import { Shared } from "@kvmm/interleave";
import { type MmuNotifier, type NotifierRange, type Refusal, refuse } from "@kvmm/mm-core";

/**
 * A driver that subscribes to the notifiers of the VMM's memory beside KVM, and has to wait for its device before pages
 * may go. It can refuse, and so has no range_end (mn_hlist_invalidate_range_start() warns of those that have both).
 */
export class Driver extends Shared implements MmuNotifier {
  invalidateRangeStart({ mayBlock }: NotifierRange): Refusal | undefined {
    if (mayBlock) return undefined;
    return refuse("EAGAIN", "invalidate_range_start of a driver", "its device would have to be waited for");
  }

  invalidateRangeEnd(): void {}

  clearFlushYoung(): boolean {
    return false;
  }

  clearYoung(): boolean {
    return false;
  }

  testYoung(): boolean {
    return false;
  }

  release(): void {}

  override restore(): void {}
}
