import { plain, table } from "./markdown.js";

type Fields = Record<string, unknown>;

/**
 * Whatever a benchmark wrote: what is said once as a list of words, a list of records as a table, a record of records as a
 * table with a row for each, and anything else under a heading of its own.
 */
export function benchmarkLines(document: unknown, depth = 3): readonly string[] {
  if (Array.isArray(document)) return [recordsTable(document)];
  if (!isFields(document)) return [cell(document)];
  const entries = Object.entries(document).filter(([, value]) => value !== null);
  const said = entries.filter(([name, value]) => isSaidOnce(name, value));
  const lines = said.map(
    ([name, value]) => `- ${words(name)}: ${isFields(value) ? inOneLine(value) : cell(value)}`,
  );
  for (const [name, value] of entries.filter(([key, each]) => !isSaidOnce(key, each))) {
    lines.push("", `${"#".repeat(depth)} ${words(name)}`, "");
    if (isFields(value) && Object.values(value).every(isFields))
      lines.push(
        recordsTable(Object.entries(value).map(([key, own]) => ({ "": words(key), ...(own as Fields) }))),
      );
    else lines.push(...benchmarkLines(value, Math.min(depth + 1, 6)));
  }
  return lines;
}

/** The machine and the tools are told in a line, and so is what has one value. */
function isSaidOnce(name: string, value: unknown): boolean {
  if (!isFields(value)) return !Array.isArray(value) || value.every((each) => !isFields(each));
  return (
    ["tools", "machine", "versions"].includes(name) && Object.values(value).every((each) => !isFields(each))
  );
}

function recordsTable(list: readonly unknown[]): string {
  const records = list.filter(isFields).map((record) => flat(record));
  if (records.length !== list.length || list.length === 0) return list.map(cell).join(", ");
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))].filter((key) =>
    records.some((record) => cell(record[key]) !== ""),
  );
  const isNumbers = (key: string) =>
    records.every((record) => ["number", "undefined"].includes(typeof (record[key] ?? undefined)));
  return table(
    keys.map(words),
    records.map((record) => keys.map((key) => cell(record[key]))),
    keys.map(isNumbers),
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
    .join("; ");
}

/** `cpuSeconds` as people say it: `cpu seconds`. */
export function words(name: string): string {
  return plain(name.replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`));
}

/** A value of a table, numbers with as many digits as a reader can use. */
export function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(cell).join(", ");
  return typeof value === "object" ? inOneLine(value as Fields) : plain(String(value));
}

function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return `${Number(value.toPrecision(3))}`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
