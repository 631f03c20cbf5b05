import type { Patch } from "./define-patch.js";
import { gmemIgnoreNotifiersRfc } from "./gmem-ignore-notifiers-rfc.js";
import { gmemSkipHandler } from "./gmem-skip-handler.js";
import { gmemSkipUnmapKeepRange } from "./gmem-skip-unmap-keep-range.js";
import { undoGmemInitShared } from "./undo-gmem-init-shared.js";
import { undoGmemPoisonedPage } from "./undo-gmem-poisoned-page-reference.js";
import { undoGpcLocks } from "./undo-gpc-locks.js";
import { undoMteCopyWhileLogging } from "./undo-mte-copy-while-logging.js";
import { undoReservedAttributes } from "./undo-reserved-attributes.js";

/** The built-in patches. A new one is a file of its own, and a line here. */
export const patches: readonly Patch[] = [
  gmemIgnoreNotifiersRfc,
  gmemSkipHandler,
  gmemSkipUnmapKeepRange,
  undoGmemPoisonedPage,
  undoGmemInitShared,
  undoReservedAttributes,
  undoGpcLocks,
  undoMteCopyWhileLogging,
];

export function patchOf(name: string): Patch | undefined {
  return patches.find((patch) => patch.name === name);
}
