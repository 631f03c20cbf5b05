import type { TablePage } from "./table-page.js";

/** What can go wrong with the memory of tables; each is a bug of whoever drives the tables. */
export type TableErrorKind =
  /** Table pages are still allocated when none should be. */
  | "leak"
  /** A reference count went below what the entries account for. */
  | "early free"
  /** A page was read or written after it had been freed. */
  | "use after free"
  /** A table descriptor points to no table page. */
  | "stray descriptor";

/** Table pages leaked, or were freed too early. */
export class TableError extends Error {
  override name = "TableError";
  constructor(
    readonly kind: TableErrorKind,
    /** The page that it is about; null if there is none. */
    readonly page: TablePage | null,
    message: string,
  ) {
    super(`${kind}: ${message}`);
  }
}
