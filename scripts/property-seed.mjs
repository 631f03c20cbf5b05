// Property tests draw the same values in every run, so that CI says the same of the same commit. KVMM_SEED draws others:
// a number, or "random".
import fc from "fast-check";

const wanted = process.env.KVMM_SEED ?? "1";
if (wanted !== "random") {
  const seed = Number(wanted);
  if (!Number.isSafeInteger(seed)) throw new Error(`KVMM_SEED: ${wanted} is neither a number nor "random"`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
}
