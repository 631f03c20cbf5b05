import { scenarioJsonSchema } from "@kvmm/scenario";
import { write } from "./write.js";

/** The schema of scenarios, published with the site: editors can fetch it. */
export function generateSchema(): void {
  write("public/scenario.schema.json", `${JSON.stringify(scenarioJsonSchema(), undefined, 1)}\n`);
}
