import { plain, table } from "./markdown.js";

type Fields = Record<string, unknown>;

/**
 * Whatever a benchmark wrote: what is said once in a paragraph, then each list of records as a table, and so a record of
 * figures or of records. `headings` says what stands above a part, in place of its name; nothing where it is empty.
 */
export function benchmarkLines(
  document: Fields,
  headings: Readonly<Record<string, string>> = {},
): readonly string[] {
  const entries = Object.entries(document).filter(([, value]) => value !== null);
  const lines = entries
    .filter(([name, value]) => isSaidOnce(name, value))
    .map(
      ([name, value]) => `${capitalised(words(name))}: ${isFields(value) ? inOneLine(value) : cell(value)}.`,
    );
  const said = lines.length === 0 ? [] : [lines.join(" ")];
  for (const [name, value] of entries.filter(([key, each]) => !isSaidOnce(key, each))) {
    const heading = headings[name] ?? `### ${words(name)}`;
    said.push("", ...(heading === "" ? [] : [heading, ""]), recordsTable(recordsOf(value)));
  }
  return said;
}

/** The machine and the tools are told in a line, and so is what has one value. */
function isSaidOnce(name: string, value: unknown): boolean {
  if (!isFields(value)) return !Array.isArray(value);
  return (
    ["tools", "machine", "versions"].includes(name) && Object.values(value).every((each) => !isFields(each))
  );
}

/** Rows of a table: a list as it is, a record with its names in front. */
function recordsOf(value: unknown): readonly Fields[] {
  if (Array.isArray(value)) return value.map((each) => (isFields(each) ? each : { "": each }));
  return Object.entries(value as Fields).map(([name, own]) => ({
    "": words(name),
    ...(isFields(own) ? own : { figure: own }),
  }));
}

/** So many columns of figures fit on a page; with more of them, names stand in front and the records side by side. */
const MOST_COLUMNS = 7;

function recordsTable(list: readonly Fields[]): string {
  const records = list.map((record) => flat(record));
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))].filter((key) =>
    records.some((record) => cell(record[key]) !== ""),
  );
  const isFigures = (key: string) =>
    records.every((record) => ["number", "undefined"].includes(typeof (record[key] ?? undefined)));
  if (keys.length > MOST_COLUMNS && keys.every(isFigures)) {
    const [first = "", ...others] = keys;
    return table(
      [words(first), ...records.map((record) => cell(record[first]))],
      others.map((key) => [words(key), ...records.map((record) => cell(record[key]))]),
      [false, ...records.map(() => true)],
    );
  }
  return table(
    keys.map(words),
    records.map((record) => keys.map((key) => cell(record[key]))),
    keys.map(isFigures),
  );
}

/** Fields of a field as columns of their own: `spin states`. */
function flat(record: Fields, prefix = ""): Fields {
  const own: Fields = {};
  for (const [name, value] of Object.entries(record)) {
    if (isFields(value)) Object.assign(own, flat(value, `${prefix}${name} `));
    else own[prefix + name] = value;
  }
  return own;
}

function inOneLine(record: Fields): string {
  return Object.entries(record)
    .map(([name, value]) => `${words(name)} ${cell(value)}`)
    .join(", ");
}

/** `cpuSeconds` as people say it: `cpu seconds`. What is in words already stays. */
export function words(name: string): string {
  if (!/^[a-z]+([A-Z0-9][a-z]*)+$/.test(name)) return plain(name);
  return name.replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** A value of a table, numbers with as many digits as a reader can use. */
export function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(cell).join(", ");
  return typeof value === "object" ? inOneLine(value as Fields) : plain(String(value).replace(/\.$/, ""));
}

function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return `${Number(value.toPrecision(3))}`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
