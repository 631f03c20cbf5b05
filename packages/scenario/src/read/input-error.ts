/** A place in a file: lines and columns count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong, where in the document, and what would be right. */
export interface Problem {
  readonly problem: string;
  readonly hint?: string | undefined;
  /** The field, as `steps[3].args.length`. */
  readonly field?: string | undefined;
  readonly place?: Place | undefined;
}

/** A mistake in something that a user gave. Its message is one line, meant to be shown as it is. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly file: string;
  readonly problem: string;
  readonly hint: string | undefined;
  readonly field: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(file: string, { problem, hint, field, place }: Problem) {
    super(oneLine(file, { problem, hint, field, place }));
    this.file = file;
    this.problem = problem;
    this.hint = hint;
    this.field = field;
    this.line = place?.line;
    this.column = place?.column;
  }
}

function oneLine(file: string, { problem, hint, field, place }: Problem): string {
  const where = place === undefined ? file : `${file}:${place.line}:${place.column}`;
  const what = field === undefined || field === "" ? problem : `${field}: ${problem}`;
  return printable(`${where}: ${what}${hint === undefined ? "" : `; ${hint}`}`);
}

/** Control characters and lone surrogates would garble a terminal; far too long messages as well. */
function printable(text: string): string {
  const longest = 1000;
  const cut = text.length > longest ? `${text.slice(0, longest)}...` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be shown harmlessly
  const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;
  return cut.replace(control, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);
}
