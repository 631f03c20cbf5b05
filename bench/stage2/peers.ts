import type { Rounds } from "./measure.js";

const AF = 1 << 10;
const W = 1 << 7;

/** The bound: the same descriptors in one array, without tables, references, TLBs or locks. */
export const PEERS = {
  map: "array: write every descriptor",
  age: "array: test and clear a bit of every descriptor",
  protect: "array: clear a bit of every descriptor",
  unmap: "array: clear every descriptor",
} as const;

/** What it takes to do to an array of two halves per descriptor what the walks do to the tables. */
export function measureArray(rounds: Rounds, descriptors: number): void {
  // Touched before it is measured: what the operating system does at that is not the array's.
  const words = new Int32Array(2 * descriptors).fill(1);
  let young = 0;
  rounds.note(PEERS.map, descriptors, null, () => {
    for (let at = 0; at < descriptors; at++) {
      words[2 * at] = (at << 12) | AF | W | 3;
      words[2 * at + 1] = 1 << 22;
    }
  });
  rounds.note(PEERS.age, descriptors, null, () => {
    for (let at = 0; at < descriptors; at++) {
      const lo = words[2 * at]!;
      if ((lo & AF) === 0) continue;
      young++;
      words[2 * at] = lo & ~AF;
    }
  });
  rounds.note(PEERS.protect, descriptors, null, () => {
    for (let at = 0; at < descriptors; at++) words[2 * at] = words[2 * at]! & ~W;
  });
  rounds.note(PEERS.unmap, descriptors, null, () => {
    for (let at = 0; at < descriptors; at++) {
      if ((words[2 * at]! & 1) === 0) continue;
      words[2 * at] = 0;
      words[2 * at + 1] = 0;
    }
  });
  if (young !== descriptors) throw new Error("not every descriptor was young");
}
