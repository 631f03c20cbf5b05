import { readFileSync } from "node:fs";

const folder = new URL("../../spe-model/vectors/", import.meta.url);

/** SPE bytes that `@kvmm/spe-model` keeps, padded as perf pads AUX data. */
export function speVector(name: string): Uint8Array {
  const text = readFileSync(new URL(`${name}.hex`, folder), "utf8").replaceAll(/#.*/g, "");
  const bytes = Uint8Array.from(text.match(/[0-9a-f]{2}/g)!, (byte) => Number.parseInt(byte, 16));
  const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  padded.set(bytes);
  return padded;
}

/** What a version of perf printed for them. */
export function speText(name: string, version: string): string[] {
  return readFileSync(new URL(`${name}.perf-${version}.txt`, folder), "utf8")
    .trimEnd()
    .split("\n");
}
