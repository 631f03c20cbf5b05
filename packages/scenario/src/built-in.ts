import { kernelOf, kernels } from "./kernels/kernels.js";
import { library } from "./library/library.js";
import { races } from "./library/races.js";
import type { Model } from "./model.js";
import { patches } from "./patches/patches.js";
import { review } from "./review/review.js";
import { runScenario } from "./run/run-scenario.js";

/** The model with everything that is built in. */
export const builtIn: Model = { kernels, kernelOf, patches, library, races, runScenario, review };
