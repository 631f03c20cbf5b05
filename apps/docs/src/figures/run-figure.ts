import { type Inspection, inspectScenario, type RunResult, runScenario, type Scenario } from "@kvmm/scenario";
import type { Figure } from "./figures.js";

/** A figure as it ran just now. */
export interface FigureRun {
  readonly result: RunResult;
  readonly inspection: Inspection;
}

/**
 * Runs a figure on the model.
 * @throws Error where the model lacks what the figure shows: then the page that has it cannot be built
 */
export function runFigure(figure: Figure, patched: boolean): FigureRun {
  const scenario: Scenario = { title: figure.title, machine: {}, steps: figure.steps };
  const options = patched && figure.patch !== undefined ? { patches: [figure.patch] } : {};
  const result = runScenario(scenario, options);
  const [lacking] = result.notModelled;
  if (lacking !== undefined) throw new Error(`figure "${figure.title}": ${lacking.call}: ${lacking.why}`);
  const inspection = inspectScenario(scenario, options);
  if (inspection === null) throw new Error(`figure "${figure.title}" has no machine`);
  return { result, inspection };
}
