import { Shared, type Store } from "@kvmm/interleave";
import type { MmuNotifier, NotifierRange } from "../notifier.js";

/** A secondary MMU that writes down what it is told. */
export class NotifierRecorder extends Shared implements MmuNotifier {
  readonly ranges: NotifierRange[] = [];
  /** Ranges that were begun and not ended. */
  open = 0;

  constructor(store: Store) {
    super(store, "recorder");
  }

  invalidateRangeStart(range: NotifierRange): undefined {
    this.ranges.push(range);
    this.open++;
    return undefined;
  }

  invalidateRangeEnd(_range: NotifierRange): void {
    this.open--;
  }

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

  /** What was raised since the last call. */
  take(): readonly NotifierRange[] {
    return this.ranges.splice(0);
  }

  override restore(): void {}
}
