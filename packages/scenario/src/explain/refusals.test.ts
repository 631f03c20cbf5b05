// What every refusal of kvm-memslots says: the errno, the kernel function, the condition with its values, and what would
// be accepted. Calls of a scenario first, then what only other functions of the kernel call.
import { expect, test, vi } from "vitest";
import { callerOf, refusalSites } from "./testing/refusal-sites.js";
import "./testing/refused-calls.js";
import "./testing/refused-functions.js";
import "./testing/refused-memory.js";

const said = vi.hoisted(() => ({ at: new Set<string>(), withoutAccepted: new Set<string>() }));
vi.mock("@kvmm/mm-core", async (original) => {
  const real = await original<typeof import("@kvmm/mm-core")>();
  const refuse: typeof real.refuse = (...args) => {
    const site = callerOf(new Error().stack);
    if (site !== undefined) said.at.add(site);
    if (site !== undefined && args[3] === undefined) said.withoutAccepted.add(site);
    return real.refuse(...args);
  };
  return { ...real, refuse };
});

test("there is no other refusal in kvm-memslots than those that are explained above", () => {
  expect(refusalSites().filter((site) => !said.at.has(site))).toEqual([]);
});

test("each says what would be accepted", () => {
  expect([...said.withoutAccepted]).toEqual([]);
});
