import { expect, test } from "vitest";
import { callNames } from "./calls/index.js";
import { scenarioJsonSchema } from "./json-schema.js";

const schema = JSON.parse(JSON.stringify(scenarioJsonSchema()));

test("the JSON schema has every call, with its arguments", () => {
  const steps: { title: string; properties: { args: { required?: string[] } } }[] = schema.$defs.step.oneOf;
  expect(steps.map(({ title }) => title).sort()).toEqual([...callNames].sort());
  const munmap = steps.find(({ title }) => title === "munmap")!;
  expect(munmap.properties.args.required).toEqual(["addr", "length"]);
});

test("the JSON schema has the fields of a scenario, and no others", () => {
  const fields = ["title", "machine", "patches", "steps", "concurrently", "expect"];
  expect(Object.keys(schema.properties).sort()).toEqual(fields.sort());
  expect(schema.additionalProperties).toBe(false);
});
