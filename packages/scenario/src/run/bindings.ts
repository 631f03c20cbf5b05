import { accessBindings } from "./bind/accesses.js";
import { activityBindings } from "./bind/activity.js";
import { driverBindings } from "./bind/driver.js";
import { fileBindings } from "./bind/files.js";
import { kvmBindings } from "./bind/kvm.js";
import { memoryBindings } from "./bind/memory.js";
import { numaBindings } from "./bind/numa.js";
import { pfncacheBindings } from "./bind/pfncache.js";
import { processBindings } from "./bind/processes.js";
import { speBindings } from "./bind/spe.js";
import { userfaultfdBindings } from "./bind/userfaultfd.js";
import type { Bindings } from "./outcome.js";

/** The calls of the vocabulary that the model has. A new call is a function in a file under bind/. */
export const bindings: Bindings = {
  ...accessBindings,
  ...memoryBindings,
  ...processBindings,
  ...fileBindings,
  ...numaBindings,
  ...kvmBindings,
  ...driverBindings,
  ...pfncacheBindings,
  ...userfaultfdBindings,
  ...activityBindings,
  ...speBindings,
};
