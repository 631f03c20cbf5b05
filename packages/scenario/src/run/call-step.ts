import { NotModelled, type Task } from "@kvmm/mm-core";
import { resolveArguments } from "../format/resolve.js";
import type { Step } from "../format/step.js";
import { bindings } from "./bindings.js";
import type { CallOutcome } from "./outcome.js";
import type { World } from "./world.js";

/** Makes the call of a step on the model. @throws NotModelled for what the model lacks */
export function callStep(
  world: World,
  task: Task,
  step: Step,
  lookup: (name: string) => bigint | undefined,
): CallOutcome {
  return makeCall(world, task, step, argumentsOf(step, lookup));
}

/** What a call takes, when the names in it have been looked up. */
export function argumentsOf(step: Step, lookup: (name: string) => bigint | undefined): unknown {
  return resolveArguments(step.call, step.args, { pageSize: 4096, lookup });
}

/** {@link callStep}, with the arguments that it takes. */
export function makeCall(world: World, task: Task, step: Step, args: unknown): CallOutcome {
  // Each binding takes the arguments of its own call.
  const binding = bindings[step.call] as
    | ((world: World, task: Task, args: unknown) => CallOutcome)
    | undefined;
  if (binding === undefined) throw new NotModelled(step.call);
  if (task.process.life.peek() === "dying")
    throw new NotModelled(`${step.call} of ${task.name}, which was killed: it makes no calls any more`);
  return binding(world, task, args);
}
