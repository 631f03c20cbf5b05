import type { Architecture } from "../format/machine.js";

/** The architectures that the model has. */
export const builtInArchitectures: readonly Architecture[] = ["arm64", "x86"];
