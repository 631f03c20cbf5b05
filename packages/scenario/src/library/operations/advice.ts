import { advise, inReviews, onMapping } from "./operation.js";

const on = onMapping("advice");

const ofAll = (name: string, advice: string) => on(name, advice, (ram) => [advise(ram, advice)]);
const ofPart = (name: string, advice: string) =>
  on(name, `${advice} of a part`, (_, part) => [advise(part, advice)]);

/** madvise */
export const adviceOperations = [
  inReviews(ofAll("madvise-dontneed", "MADV_DONTNEED")),
  inReviews(ofPart("madvise-dontneed-part", "MADV_DONTNEED")),
  ofAll("madvise-dontneed-locked", "MADV_DONTNEED_LOCKED"),
  ofAll("madvise-free", "MADV_FREE"),
  ofAll("madvise-remove", "MADV_REMOVE"),
  ofPart("madvise-remove-part", "MADV_REMOVE"),
  ofAll("madvise-cold", "MADV_COLD"),
  ofAll("madvise-pageout", "MADV_PAGEOUT"),
  ofAll("madvise-populate-write", "MADV_POPULATE_WRITE"),
  ofAll("madvise-willneed", "MADV_WILLNEED"),
  ofAll("madvise-hugepage", "MADV_HUGEPAGE"),
  ofAll("madvise-nohugepage", "MADV_NOHUGEPAGE"),
  ofAll("madvise-collapse", "MADV_COLLAPSE"),
  ofAll("madvise-guard-install", "MADV_GUARD_INSTALL"),
];
