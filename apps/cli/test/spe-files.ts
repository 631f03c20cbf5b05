import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SpeRecording, writePerfData } from "@kvmm/traces";

export const folder = mkdtempSync(join(tmpdir(), "kvmm-spe-"));
const vectors = new URL("../../../packages/spe-model/vectors/", import.meta.url);

export function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

export const bytesOf = (digits: string) =>
  Uint8Array.from(digits.match(/[0-9a-f]{2}/g)!, (byte) => Number.parseInt(byte, 16));

export const text = (name: string) => readFileSync(new URL(name, vectors), "utf8");
const hex = text("neoverse-el2.hex").replaceAll(/#.*/g, "");
export const neoverse = bytesOf(hex);
export const raw = file("aux.bin", neoverse);

export function perfData(name: string, recording: Partial<SpeRecording> = {}): string {
  const aux = [{ cpu: 3, tid: -1, bytes: neoverse, flags: { truncated: true } }];
  return file(name, writePerfData({ aux, ...recording }));
}

export const whole = perfData("perf.data");
