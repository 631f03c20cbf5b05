/** An address, as a kernel developer writes it. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** `4 KiB`, `2 MiB`, `1 GiB` */
export function bytes(size: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let left = size;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${left} ${units[unit]}`;
}

/** `1 page`, `16 pages` */
export function pagesInWords(count: number): string {
  return count === 1 ? "1 page" : `${count.toLocaleString("en")} pages`;
}
