import type { Patch } from "./define-patch.js";
import { gmemIgnoreNotifiersRfc } from "./gmem-ignore-notifiers-rfc.js";
import { gmemSkipHandler } from "./gmem-skip-handler.js";
import { gmemSkipUnmapKeepRange } from "./gmem-skip-unmap-keep-range.js";
import { undoA01 } from "./undo-a01-sequence-after-mmap-lock.js";
import { undoA07 } from "./undo-a07-range-end-after-failed-start.js";
import { undoA08 } from "./undo-a08-swap-between-start-and-end.js";
import { undoA09 } from "./undo-a09-resched-where-not-blockable.js";
import { undoB01 } from "./undo-b01-gpc-retry-by-in-progress.js";
import { undoB04 } from "./undo-b04-inactive-gpc.js";
import { undoB07 } from "./undo-b07-gpc-sequence.js";
import { undoC01 } from "./undo-c01-unbind-of-dying-gmem.js";
import { undoC06 } from "./undo-c06-gmem-permission-faults.js";
import { undoD04 } from "./undo-d04-wrprotect-holes.js";
import { undoD05 } from "./undo-d05-mark-dirty-before-mapping.js";
import { undoD11 } from "./undo-d11-block-over-table.js";
import { undoD13 } from "./undo-d13-fault-granule.js";
import { undoD14 } from "./undo-d14-valid-leaf-reference.js";
import { undoD15 } from "./undo-d15-inherited-exec.js";
import { undoD17 } from "./undo-d17-huge-mapping-fit.js";
import { undoD18 } from "./undo-d18-free-tables-with-entries.js";
import { undoD20 } from "./undo-d20-apply-range-step.js";
import { undoD24 } from "./undo-d24-walk-of-read-only-memory.js";
import { undoE02 } from "./undo-e02-atomic-fault-page.js";
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
  undoA01,
  undoA07,
  undoA08,
  undoA09,
  undoB01,
  undoB04,
  undoB07,
  undoC01,
  undoGmemPoisonedPage,
  undoGmemInitShared,
  undoReservedAttributes,
  undoGpcLocks,
  undoMteCopyWhileLogging,
  undoD04,
  undoD05,
  undoD11,
  undoD13,
  undoD14,
  undoD15,
  undoD17,
  undoD18,
  undoD20,
  undoD24,
  undoC06,
  undoE02,
];

export function patchOf(name: string): Patch | undefined {
  return patches.find((patch) => patch.name === name);
}
