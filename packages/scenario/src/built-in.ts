import { kernelOf, kernels } from "./kernels/kernels.js";
import { hostOperations, library } from "./library/library.js";
import { races } from "./library/races.js";
import { matrix } from "./matrix/matrix.js";
import type { Model } from "./model.js";
import { patches } from "./patches/patches.js";
import { review } from "./review/review.js";
import { replayRace, runScenario } from "./run/run-scenario.js";

/** The model with everything that is built in. */
export const builtIn: Model = {
  kernels,
  kernelOf,
  patches,
  library,
  hostOperations,
  races,
  runScenario,
  replayRace,
  review,
  matrix,
};
