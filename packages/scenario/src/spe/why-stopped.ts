import { TableError } from "@kvmm/arm64-stage2";
import { LivelockError } from "@kvmm/interleave";
import { UseAfterFree } from "@kvmm/kvm-memslots";
import { NotModelled } from "@kvmm/mm-core";

const REASONS = [NotModelled, UseAfterFree, TableError, LivelockError] as const;

/** Does something in the model, and says why it could not go on; any other error is a bug. */
export function whyStopped(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof Error && REASONS.some((reason) => error instanceof reason)) return error.message;
    throw error;
  }
}
