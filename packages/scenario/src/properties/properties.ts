import { attributesOfRange } from "./attributes-of-range.js";
import { noLostReference } from "./lost-reference.js";
import { noPrivatePageInUserSpace } from "./private-memory.js";
import type { Property } from "./property.js";

/** What is looked at after each step, beside stage 2 itself. A new one is a file of its own, and a line here. */
export const properties: readonly Property[] = [noPrivatePageInUserSpace, noLostReference, attributesOfRange];
