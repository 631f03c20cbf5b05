import type { Cell } from "@kvmm/interleave";
import { PMD_PAGES } from "../addresses.js";
import { type Result, refuse } from "../errno.js";
import type { Host } from "../host.js";
import { NotModelled } from "../not-modelled.js";
import type { ShmemHugepage, TransparentHugepage } from "../thp/settings.js";

const THP = "/sys/kernel/mm/transparent_hugepage/";
const LRU_GEN_ENABLED = "/sys/kernel/mm/lru_gen/enabled";
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
    case `${THP}khugepaged/max_ptes_none`:
      return maxPtesStore(host.thp.maxPtesNone, word);
    case `${THP}khugepaged/max_ptes_swap`:
      return maxPtesStore(host.thp.maxPtesSwap, word);
    case `${THP}khugepaged/max_ptes_shared`:
      return maxPtesStore(host.thp.maxPtesShared, word);
    case LRU_GEN_ENABLED:
      return lruGenEnabledStore(host, word);
    default:
      throw new NotModelled(`a write to ${path}`);
  }
}

/** max_ptes_none_store() and its like */
function maxPtesStore(setting: Cell<number>, word: string): Result<0> {
  const most = /^\d{1,9}$/.test(word) ? Number(word) : Number.POSITIVE_INFINITY;
  if (most >= PMD_PAGES)
    return refuse("EINVAL", "max_ptes_store", `"${word.slice(0, 40)}"`, "a number of pages, at most 511");
  setting.set(most);
  return 0;
}

/** enabled_store() of lru_gen: a bit for each of its parts, of which the first is all of it, or yes or no to all. */
function lruGenEnabledStore(host: Host, word: string): Result<0> {
  const isWord = /^[yn]/i.test(word);
  const caps = isWord ? Number(/^y/i.test(word)) : parseNumber(word);
  if (caps === null) return refuse("EINVAL", "enabled_store", `"${word.slice(0, 40)}"`, "y, n or a number");
  host.lruGenEnabled.set(caps % 2 === 1);
  return 0;
}

/** kstrtouint(), of a decimal or hexadecimal number. */
function parseNumber(word: string): number | null {
  if (!/^(0x[\da-f]+|\d+)$/i.test(word)) return null;
  const number = Number(word);
  return number < 2 ** 32 ? number : null;
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
