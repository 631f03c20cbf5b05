import { expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type { Machine } from "./machine.js";
import type { Observation } from "./observation.js";
import type { Recording } from "./recording.js";
import type { Expectation } from "./scenario.js";
import type { machineSchema, observationSchema, recordingSchema, scenarioSchema } from "./schema.js";

/** Without readonly and optionality, which zod and the written types say in different ways. */
type Bare<T> = T extends readonly unknown[]
  ? { -readonly [K in keyof T]: Bare<T[K]> }
  : T extends object
    ? { -readonly [K in keyof T]-?: Bare<Exclude<T[K], undefined>> }
    : T;

test("the schemas say the same as the types that are written out", () => {
  expectTypeOf<Bare<z.infer<typeof machineSchema>>>().toEqualTypeOf<Bare<Machine>>();
  expectTypeOf<Bare<z.infer<typeof observationSchema>>>().toEqualTypeOf<Bare<Observation>>();
  expectTypeOf<keyof z.infer<typeof recordingSchema>>().toEqualTypeOf<keyof Recording>();
  expectTypeOf<NonNullable<z.infer<typeof scenarioSchema>["expect"]>[number]>().toHaveProperty("mapped");
  expectTypeOf<Expectation>().not.toBeAny();
});
