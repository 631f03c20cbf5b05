import { attributesOfRange } from "./attributes-of-range.js";
import { noLostDirtyBit } from "./logged-writes.js";
import { noLostReference } from "./lost-reference.js";
import { noOpenInvalidation } from "./open-invalidation.js";
import { noPrivatePageInUserSpace } from "./private-memory.js";
import type { Property } from "./property.js";
import { stage2Properties } from "./stage2.js";

/** What is looked at after each step. A new one is a file of its own, and a line here. */
export const properties: readonly Property[] = [
  noPrivatePageInUserSpace,
  noLostReference,
  noOpenInvalidation,
  attributesOfRange,
  noLostDirtyBit,
  ...stage2Properties,
];
