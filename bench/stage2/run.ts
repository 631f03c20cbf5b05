// The stage-2 tables alone, beside a bare array of as many descriptors; and KVM/arm64's faults on top of them, beside the
// host's own. 1 GiB of guest memory by pages, and so much by blocks that there is something to measure.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { PAGE_SIZE } from "@kvmm/mm-core";
import { measureGuest } from "./guest.js";
import { Rounds } from "./measure.js";
import { measureArray } from "./peers.js";
import { measureTables, memoryOf } from "./tables.js";

const ROUNDS = 3;
const GIB = 2 ** 30;
/** 1 GiB is 512 blocks; that takes less than the clock can tell. */
const BY_BLOCKS = 64 * GIB;

const memory = [
  { mapped: "by pages", ...memoryOf(PAGE_SIZE, GIB) },
  { mapped: "by blocks", ...memoryOf(2 ** 21, BY_BLOCKS) },
];
const rounds = new Rounds();
for (let round = 0; round < ROUNDS; round++) {
  measureArray(rounds, GIB / PAGE_SIZE);
  measureTables(rounds, PAGE_SIZE, GIB);
  measureTables(rounds, 2 ** 21, BY_BLOCKS);
  measureGuest(rounds);
}

const rows = rounds.rows();
console.table(rows);
const document = {
  note: "The figures vary severalfold with what else the machine does, the ratios less.",
  unit: `CPU time, median of ${ROUNDS} rounds; each per entry (a page or a block)`,
  tools: { node: process.version, cpu: cpus()[0]?.model ?? "unknown" },
  rows,
  "bytes per mapped 4K page": memory,
};
const directory = new URL("../results/", import.meta.url);
mkdirSync(directory, { recursive: true });
writeFileSync(new URL("stage2.json", directory), `${JSON.stringify(document, null, 2)}\n`);
