import type { Difference } from "../compare/difference.js";
import type { Observation } from "../format/observation.js";
import { renderField } from "./observation.js";

/** What a kernel did and what the model says of one field, each on one line. */
export function renderDifference({ field, expected, predicted }: Difference): {
  expected: string;
  predicted: string;
} {
  const side = (value: Difference["expected"]): string => {
    const observation: Observation = value === undefined ? {} : { [field]: value };
    return renderField(observation, field);
  };
  return { expected: field === "step" ? "a step" : side(expected), predicted: side(predicted) };
}
