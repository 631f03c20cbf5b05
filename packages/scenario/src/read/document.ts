import type { FieldPath } from "./field-path.js";
import { fieldName } from "./field-path.js";
import { InputError, type Place } from "./input-error.js";

/** A parsed file, which still knows where everything stood. */
export interface Document {
  readonly file: string;
  readonly value: unknown;
  /**
   * Where a value stands, or its key; for what is not there, the nearest that contains it. With
   * `character`, that character of a string.
   */
  place(path: FieldPath, at?: "key" | "value", character?: number): Place | undefined;
}

/** A document is nested this deep at most. */
export const deepest = 64;
/** A document has this many values at most, with every alias of YAML written out. */
export const mostValues = 200_000;

export interface DocumentProblem {
  readonly path: FieldPath;
  readonly problem: string;
  readonly hint?: string | undefined;
  readonly at?: "key" | "value";
  readonly character?: number | undefined;
}

export function problemIn(
  document: Document,
  { path, problem, hint, at, character }: DocumentProblem,
): InputError {
  const place = document.place(path, at ?? "value", character);
  return new InputError(document.file, { problem, hint, field: fieldName(path), place });
}

/** Turns offsets into lines and columns. */
export class LineIndex {
  private readonly starts: number[] = [0];

  constructor(
    text: string,
    private readonly firstLine = 1,
  ) {
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) this.starts.push(at + 1);
  }

  place(offset: number): Place {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: this.firstLine + low, column: offset - this.starts[low]! + 1 };
  }
}
