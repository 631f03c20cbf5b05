import {
  AF,
  S2AP_R,
  S2AP_W,
  TYPE_BLOCK,
  TYPE_TABLE_OR_PAGE,
  VALID,
  XN_MASK_HI,
  XN_SHIFT_HI,
} from "../descriptor/layout.js";

// The part of a descriptor that the kernel's dump shows: arch/arm64/kvm/ptdump.c, stage2_pte_bits.
const SHOWN_LO = VALID | S2AP_R | S2AP_W | AF | TYPE_TABLE_OR_PAGE;
const XN_TEXT = ["px ux ", "PXNux ", "PXNUXN", "px UXN"] as const;

/** The bits of a descriptor that a dump shows, as one number: bits 10:0 as they are, XN in 12:11. */
export function shownBits(lo: number, hi: number): number {
  return (lo & SHOWN_LO) | (((hi & XN_MASK_HI) >>> XN_SHIFT_HI) << 11);
}

/** dump_prot(): the columns of a line, each with a blank before it; nothing for entries without any such bit. */
export function formatColumns(shown: number): string {
  if (shown === 0) return "";
  const columns = [
    shown & VALID ? " " : "F",
    shown & S2AP_R ? "R" : " ",
    shown & S2AP_W ? "W" : " ",
    XN_TEXT[shown >>> 11]!,
    shown & AF ? "AF" : "  ",
    (shown & TYPE_TABLE_OR_PAGE) === TYPE_BLOCK ? "BLK" : "   ",
  ];
  return ` ${columns.join(" ")}`;
}

/** The words of a line: `R W px ux AF`; empty for a hole. */
export function formatAttributes(shown: number): string {
  return wordsOf(formatColumns(shown));
}

/** The columns for the words: the reverse of {@link formatAttributes}. @returns null if no line has these words */
export function parseAttributes(words: string): number | null {
  return BITS_OF.get(words) ?? null;
}

function wordsOf(columns: string): string {
  return columns.trim().split(/ +/).join(" ");
}

/** All that a line can say. */
const BITS_OF: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 1 << 13 }, (_, bits) => bits)
    .filter((bits) => bits === shownBits(bits, (bits >>> 11) << XN_SHIFT_HI))
    .map((bits): [string, number] => [formatAttributes(bits), bits])
    .reverse(),
);
