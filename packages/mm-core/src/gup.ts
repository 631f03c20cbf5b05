import type { Hva, Pfn } from "./addresses.js";
import type { Task } from "./task.js";

/** FOLL_* */
export interface GupFlags {
  readonly write: boolean;
  /** FOLL_FAST_ONLY: never sleep, never fault a page in. */
  readonly fastOnly?: boolean;
}

/** Why get_user_pages gave no page. `EAGAIN`: only with `fastOnly`. */
export type GupError = "EFAULT" | "EHWPOISON" | "EAGAIN";

export declare function getUserPage(task: Task, address: Hva, flags: GupFlags): Pfn | GupError;
