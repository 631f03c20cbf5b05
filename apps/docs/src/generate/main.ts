// Makes the pages that say what the code says. `--missing`: only where nothing was made before, for a quick start.
import { existsSync } from "node:fs";
import { generateApi } from "./api.js";
import { generateBenchmarks } from "./benchmarks.js";
import { generateCalls } from "./calls.js";
import { generateCommands } from "./commands.js";
import { generateFidelity } from "./fidelity.js";
import { generatePackages } from "./packages.js";
import { generatePatches } from "./patches.js";
import { generateRecipes } from "./recipes.js";
import { generateReview } from "./review.js";
import { generateScenarios } from "./scenarios.js";
import { generateSchema } from "./schema.js";
import { docs } from "./workspace.js";

const onlyMissing = process.argv.includes("--missing");

async function make(name: string, result: string, generate: () => void | Promise<void>): Promise<void> {
  if (onlyMissing && existsSync(`${docs}${result}`)) return;
  const start = performance.now();
  await generate();
  console.log(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

await make("schema", "public/scenario.schema.json", generateSchema);
await make("calls", "pages/reference/calls.md", generateCalls);
await make("patches", "pages/reference/patches.md", generatePatches);
await make("scenarios", "pages/reference/scenarios.md", generateScenarios);
await make("recipes", "src/generated/recipes.md", generateRecipes);
await make("packages", "pages/packages/scenario.md", generatePackages);
await make("commands", "pages/reference/commands.md", generateCommands);
await make("benchmarks", "pages/benchmarks.md", generateBenchmarks);
await make("review", "src/generated/numa.md", generateReview);
await make("fidelity", "pages/fidelity.md", generateFidelity);
await make("api", "pages/reference/api/scenario.md", generateApi);
