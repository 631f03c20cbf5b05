// What every refusal of kvm-memslots says: the errno, the kernel function, the condition with its values, and what would
// be accepted. Calls of a scenario first, then what only other functions of the kernel call.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
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

const ROOT = fileURLToPath(new URL("../../../kvm-memslots/src/", import.meta.url));

/** `file:line` of each place in the sources of kvm-memslots that refuses something. */
function refusalSites(): readonly string[] {
  const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/\.test\.ts$|^testing/.test(name))
    .sort();
  return files.flatMap((name) =>
    readFileSync(`${ROOT}${name}`, "utf8")
      .split("\n")
      .flatMap((line, at) => (/\brefuse\(/.test(line) ? [`${name}:${at + 1}`] : [])),
  );
}

/** The site from which refuse() was called, as `refusalSites` has it; undefined: it is not in kvm-memslots. */
function callerOf(stack: string | undefined): string | undefined {
  const caller = stack?.split("\n")[2];
  const at = caller?.indexOf("/kvm-memslots/src/") ?? -1;
  return at < 0 ? undefined : /^([^:]+:\d+)/.exec(caller!.slice(at + "/kvm-memslots/src/".length))?.[1];
}

test("there is no other refusal in kvm-memslots than those that are explained above", () => {
  expect(refusalSites().filter((site) => !said.at.has(site))).toEqual([]);
});

test("each says what would be accepted", () => {
  expect([...said.withoutAccepted]).toEqual([]);
});
