/** `a string`, `a list`: what a value is, for messages. */
export function typeInWords(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "number":
    case "bigint":
      return "a number";
    case "string":
      return "a string";
    case "boolean":
      return `${value}`;
    case "undefined":
      return "missing";
    default:
      return "a map";
  }
}
