/** One JSON document; numbers of 64 bits are strings, as in scenarios. */
export function toJson(document: unknown): string {
  const exact = (_: string, value: unknown) =>
    typeof value === "bigint" ? `0x${value.toString(16)}` : value;
  return `${JSON.stringify(document, exact, 2)}\n`;
}
