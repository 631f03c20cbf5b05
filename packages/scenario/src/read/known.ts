import type { Model } from "../model.js";

/** The kernels and patches that a scenario may name. */
export interface KnownNames {
  readonly kernels: readonly string[];
  isKernel(name: string): boolean;
  readonly patches: readonly string[];
}

/** Those of a model. */
export function namesKnownTo(model: Pick<Model, "kernels" | "kernelOf" | "patches">): KnownNames {
  return {
    kernels: model.kernels.map(({ name }) => name),
    isKernel: (name) => model.kernelOf(name) !== undefined,
    patches: model.patches.map(({ name }) => name),
  };
}

/** A patch given as a file, not as a name: `./mine.mjs`. */
export function isPatchFile(name: string): boolean {
  return /^\.{0,2}\//.test(name) || /\.[cm]?js$/.test(name);
}
