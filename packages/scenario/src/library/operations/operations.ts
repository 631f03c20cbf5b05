import { adviceOperations } from "./advice.js";
import { ageingOperations } from "./ageing.js";
import { fileOperations } from "./file.js";
import { hostAccessOperations } from "./host-accesses.js";
import { mappingOperations } from "./mappings.js";
import { mergingOperations } from "./merging.js";
import { migrationOperations } from "./migration.js";
import type { Operation } from "./operation.js";
import { processOperations } from "./processes.js";
import { protectionOperations } from "./protection.js";
import { userfaultfdOperations } from "./userfaultfd.js";

/** What the host can do to the memory behind a slot, under the names of the recordings. A new one is a line in its group. */
export const operations: readonly Operation[] = [
  ...mappingOperations,
  ...protectionOperations,
  ...adviceOperations,
  ...processOperations,
  ...hostAccessOperations,
  ...migrationOperations,
  ...ageingOperations,
  ...mergingOperations,
  ...userfaultfdOperations,
  ...fileOperations,
];
