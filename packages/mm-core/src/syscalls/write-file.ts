import { type Result, refuse } from "../errno.js";
import type { Host } from "../host.js";
import { NotModelled } from "../not-modelled.js";
import type { ShmemHugepage, TransparentHugepage } from "../thp/settings.js";

const THP = "/sys/kernel/mm/transparent_hugepage/";
const ENABLED: readonly TransparentHugepage[] = ["always", "madvise", "never"];
const SHMEM_ENABLED: readonly ShmemHugepage[] = ["always", "within_size", "advise", "never", "deny", "force"];

/**
 * A word is written to a control file of the kernel, as root does it.
 * @throws NotModelled for a file that the model does not have
 */
export function writeFile(host: Host, path: string, value: string): Result<0> {
  const word = value.endsWith("\n") ? value.slice(0, -1) : value;
  switch (path) {
    case `${THP}enabled`:
      return choose("enabled_store", ENABLED, word, (chosen) => host.thp.enabled.set(chosen));
    case `${THP}shmem_enabled`:
      return choose("shmem_enabled_store", SHMEM_ENABLED, word, (chosen) => host.thp.setShmem(chosen));
    default:
      throw new NotModelled(`a write to ${path}`);
  }
}

function choose<T extends string>(
  fn: string,
  words: readonly T[],
  word: string,
  set: (chosen: T) => void,
): Result<0> {
  const chosen = words.find((one) => one === word);
  if (chosen === undefined) return refuse("EINVAL", fn, `"${word.slice(0, 40)}"`, words.join(", "));
  set(chosen);
  return 0;
}
