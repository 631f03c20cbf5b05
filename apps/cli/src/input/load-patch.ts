import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { didYouMean, isPatchFile, type Model, type Patch, patchProblem } from "@kvmm/scenario";
import { UsageError } from "../usage-error.js";
import { offerOwnPackages } from "./own-packages.js";
import { exists } from "./read-bytes.js";

/** A patch by its name, or from a module of one's own whose default export it is. */
export async function loadPatch(name: string, model: Pick<Model, "patches">): Promise<Patch> {
  const builtIn = model.patches.find((patch) => patch.name === name);
  if (builtIn !== undefined) return builtIn;
  if (!isPatchFile(name)) {
    const hint =
      didYouMean(
        name,
        model.patches.map((patch) => patch.name),
      ) ?? patchHint(name);
    throw new UsageError(`unknown patch "${name}"; ${hint}`);
  }
  return await importPatch(name);
}

function patchHint(name: string): string {
  if (/\.(patch|diff|mbox|eml)$/i.test(name))
    return "a patch is a module, not a diff; see kvmm patches --help";
  return "see kvmm patches; a patch of your own is a file, ./mine.mjs";
}

async function importPatch(file: string): Promise<Patch> {
  const path = resolve(file);
  if (!(await exists(path))) throw new UsageError(`patch ${file} does not exist`);
  let exported: unknown;
  try {
    if (typeof import.meta.resolve === "function") offerOwnPackages();
    const module: { readonly default?: unknown } = await import(pathToFileURL(path).href);
    exported = module.default;
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new UsageError(`patch ${file} cannot be loaded: ${reason}`, { cause: error });
  }
  if (exported === undefined)
    throw new UsageError(
      `patch ${file} has no default export; it should be "export default definePatch({ ... })"`,
    );
  const problem = patchProblem(exported);
  if (problem !== undefined) throw new UsageError(`patch ${file}: ${problem}`);
  return exported as Patch;
}
