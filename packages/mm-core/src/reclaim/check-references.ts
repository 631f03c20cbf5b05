import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";
import { lruGenSetRefs } from "./accessed.js";
import { folioReferenced } from "./referenced.js";

/**
 * folio_check_references(): is an isolated, locked folio to be reclaimed? One that was used is not; used by several
 * mappings or at the last look too, it counts as in use.
 */
export function folioCheckReferences(host: Host, folio: Pfn): "reclaim" | "keep" | "activate" {
  const { frames } = host;
  const { mappings, isLocked } = folioReferenced(host, folio);
  if (isLocked) return "activate";
  if (host.lruGenEnabled.get()) {
    if (mappings === 0) return "reclaim";
    return lruGenSetRefs(host, folio) ? "activate" : "keep";
  }
  const wasReferenced = frames.test(folio, PageFlag.referenced);
  frames.mark(folio, mappings > 0 ? PageFlag.referenced : 0, mappings > 0 ? 0 : PageFlag.referenced);
  if (mappings === 0) return "reclaim";
  return wasReferenced || mappings > 1 ? "activate" : "keep";
}

nameFunctions({
  folio_check_references: folioCheckReferences,
});
