import { forEachEntry } from "../dump/entries.js";
import type { Stage2 } from "../stage2.js";
import type { TablePage } from "../table/table-page.js";

/** CRC-32, reflected polynomial 0xEDB88320. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function addWord(crc: number, word: number): number {
  let c = crc;
  c = TABLE[(c ^ word) & 0xff]! ^ (c >>> 8);
  c = TABLE[(c ^ (word >>> 8)) & 0xff]! ^ (c >>> 8);
  c = TABLE[(c ^ (word >>> 16)) & 0xff]! ^ (c >>> 8);
  return TABLE[(c ^ (word >>> 24)) & 0xff]! ^ (c >>> 8);
}

/** `n` and `crc` of vectors/FORMAT.md, section 3. */
export function checksum(pgt: Stage2, numbers: ReadonlyMap<TablePage, number>): { n: number; crc: string } {
  let n = 0;
  let crc = -1;
  forEachEntry(pgt, (level, ipa, lo, hi, child) => {
    n++;
    crc = TABLE[(crc ^ level) & 0xff]! ^ (crc >>> 8);
    crc = addWord(crc, ipa | 0);
    crc = addWord(crc, (ipa / 2 ** 32) | 0);
    const number = child === null ? 0 : numbers.get(child)!;
    crc = addWord(crc, child === null ? lo : (number * 65536 + 3) | 0);
    crc = addWord(crc, child === null ? hi : Math.floor(number / 65536));
  });
  return { n, crc: (~crc >>> 0).toString(16).padStart(8, "0") };
}
