import { z } from "zod";
import type { Argument, ArgumentType } from "./argument.js";
import type { CallFormat } from "./calls/call.js";
import { calls } from "./calls/index.js";
import { namePattern } from "./names.js";
import { scenarioSchema } from "./schema.js";

/** A part of a JSON Schema document. */
export type JsonSchema = { readonly [key: string]: unknown };

/**
 * The form of scenarios as JSON Schema (draft 2020-12), for editors: with every call, its arguments and its flags. What only
 * the reader can say (are names known, do expressions parse?) is not in it.
 */
export function scenarioJsonSchema(): JsonSchema {
  const shape = z.toJSONSchema(scenarioSchema, { unrepresentable: "any", io: "input" }) as JsonSchema;
  const properties = shape["properties"] as Record<string, JsonSchema>;
  const list = (description: string) => ({ description, type: "array", items: { $ref: "#/$defs/step" } });
  return {
    ...shape,
    title: "A scenario of kvmm",
    properties: {
      ...properties,
      steps: list("Calls that are made one after the other."),
      concurrently: {
        description:
          "Threads, each with its calls: every interleaving is explored, from where the steps have led.",
        type: "object",
        propertyNames: { pattern: namePattern.source },
        additionalProperties: { ...list("The calls of one thread."), minItems: 1 },
      },
    },
    $defs: {
      step: { oneOf: Object.entries(calls).map(([name, format]) => stepSchema(name, format)) },
    },
  };
}

function stepSchema(name: string, format: CallFormat): JsonSchema {
  const args = Object.entries(format.args);
  const needed = args.filter(([, argument]) => argument.required).map(([key]) => key);
  const nameSchema = { type: "string", pattern: namePattern.source };
  return {
    title: name,
    description: format.does,
    type: "object",
    properties: {
      call: { const: name, description: format.does },
      args: {
        type: "object",
        properties: Object.fromEntries(args.map(([key, argument]) => [key, argumentSchema(argument)])),
        ...(needed.length === 0 ? {} : { required: needed }),
        additionalProperties: false,
      },
      ...(format.gives === undefined
        ? {}
        : { as: { ...nameSchema, description: "A name for what the call returns." } }),
      task: { ...nameSchema, description: "The child that does it; left out: the VMM." },
      joined: { type: "boolean", description: "Observed together with what follows." },
    },
    required: [
      "call",
      ...(needed.length === 0 ? [] : ["args"]),
      ...(format.needsTask === true ? ["task"] : []),
    ],
    additionalProperties: false,
  };
}

function argumentSchema({ type, absent }: Argument): JsonSchema {
  return {
    description: type.expects,
    ...(absent === undefined ? {} : { default: absent }),
    ...valueSchema(type),
  };
}

const EXPRESSION = { type: ["integer", "string"] };

function valueSchema({ name, constants }: ArgumentType<unknown>): JsonSchema {
  const known = Object.keys(constants ?? {});
  const one = known.length === 0 ? EXPRESSION : { anyOf: [{ enum: known }, EXPRESSION] };
  switch (name) {
    case "flags":
      return { type: "array", items: one };
    case "constant":
      return one;
    case "nodemask":
    case "numbers":
      return { type: "array", items: EXPRESSION };
    case "bool":
      return { type: "boolean" };
    case "size":
    case "number":
    case "address":
    case "descriptor":
      return EXPRESSION;
    default:
      // Words, lists of words, names: `expects` says which.
      return {};
  }
}
