import { readdirSync, readFileSync } from "node:fs";
import { fromHex } from "../src/testing/random-bytes.js";

const folder = new URL("./", import.meta.url);

/** Golden bytes from `vectors/`, by name: comments start with #. */
export const vectors: Readonly<Record<string, { readonly bytes: Uint8Array }>> = Object.fromEntries(
  readdirSync(folder)
    .filter((name) => name.endsWith(".hex"))
    .map((name) => {
      const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
      return [name.slice(0, -4), { bytes: fromHex(lines.map((line) => line.split("#")[0]).join(" ")) }];
    }),
);
