import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The workspace's root. */
export const root = fileURLToPath(new URL("../../../../", import.meta.url));
/** This application. */
export const docs = fileURLToPath(new URL("../../", import.meta.url));

/** In the order in which a reader meets them: from the top of the stack down, then those that stand alone. */
const order = ["scenario", "arm64-stage2", "kvm-memslots", "mm-core", "interleave", "spe-model", "traces"];

/** The library packages, by the names of their folders. */
export const packageNames: readonly string[] = readdirSync(`${root}packages`)
  .filter((name) => !name.startsWith("."))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));

function rank(name: string): number {
  const place = order.indexOf(name);
  return place < 0 ? order.length : place;
}

export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

export function manifestOf(name: string): PackageManifest {
  return JSON.parse(readFileSync(`${root}packages/${name}/package.json`, "utf8"));
}
