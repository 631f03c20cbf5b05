import { InputError, type Place } from "./input-error.js";

/** The text of a file. Bytes that are not UTF-8 are refused, with the place of the first. */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  const parts: string[] = [];
  let units: number[] = [];
  let position = startsWithMark(bytes) ? 3 : 0;
  while (position < bytes.length) {
    const decoded = codePointAt(bytes, position);
    if (decoded === undefined) throw notText(bytes, position, file);
    const { point, length } = decoded;
    if (point >= 0x10000) units.push(0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
    else units.push(point);
    position += length;
    if (units.length >= 4096) {
      parts.push(String.fromCharCode(...units));
      units = [];
    }
  }
  parts.push(String.fromCharCode(...units));
  return parts.join("");
}

const startsWithMark = (bytes: Uint8Array) => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

function codePointAt(bytes: Uint8Array, at: number): { point: number; length: number } | undefined {
  const lead = bytes[at]!;
  if (lead < 0x80) return { point: lead, length: 1 };
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > bytes.length) return undefined;
  let point = lead & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i]!;
    if ((next & 0xc0) !== 0x80) return undefined;
    point = (point << 6) | (next & 0x3f);
  }
  const smallest = length === 4 ? 0x10000 : length === 3 ? 0x800 : 0x80;
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  return point < smallest || point > 0x10ffff || isSurrogate ? undefined : { point, length };
}

function notText(bytes: Uint8Array, position: number, file: string): InputError {
  const byte = `0x${bytes[position]!.toString(16).padStart(2, "0")}`;
  return new InputError(file, {
    problem: `is not UTF-8 text: byte ${byte} at offset ${position}`,
    hint: "scenarios are YAML or JSON, recordings JSON Lines",
    place: placeOfByte(bytes, position),
  });
}

function placeOfByte(bytes: Uint8Array, position: number): Place {
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < position; i++)
    if (bytes[i] === 0x0a) {
      line++;
      lineStart = i + 1;
    }
  return { line, column: position - lineStart + 1 };
}
