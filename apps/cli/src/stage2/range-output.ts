import { type DumpRange, hex } from "@kvmm/arm64-stage2";

/** A range as recordings have it: `[first, end, level, attributes]`, addresses as hex. */
export function rangeDocument([first, end, level, attributes]: DumpRange): unknown {
  return [hex(first), hex(end), level, attributes];
}

const IN_WORDS: Readonly<Record<string, string>> = {
  F: "not valid, but not empty",
  R: "readable",
  W: "writable",
  px: "executable at EL1",
  ux: "executable at EL0",
  PXNux: "executable at EL0 alone",
  PXNUXN: "not executable",
  UXN: "not executable at EL0",
  AF: "access flag set",
  BLK: "block",
};

/** What the attributes of an entry mean. */
export function attributesInWords(attributes: string, level: number): string {
  if (attributes === "") return "hole: nothing is mapped";
  const words = attributes.split(" ");
  const meaning = words.filter((word) => word !== "BLK").map((word) => IN_WORDS[word] ?? word);
  if (!words.includes("F") && !words.includes("AF")) meaning.push("access flag clear");
  const kind = words.includes("F") ? "entry" : level === 3 ? "page" : "block";
  return `${kind}: ${meaning.join(", ")}`;
}
