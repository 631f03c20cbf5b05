import { library, patchOf, type ReviewPart, review } from "@kvmm/scenario";
import { recordedSets } from "./recorded.js";

export const RFC = "gmem-ignore-notifiers-rfc";

let parts: readonly ReviewPart[] | undefined;

/** The review of the RFC on every kernel and architecture, which several pages tell of: made once. */
export function rfcReview(): readonly ReviewPart[] {
  parts ??= review(patchOf(RFC)!, { recordings: recordingsOfLibrary() }).parts;
  return parts;
}

function recordingsOfLibrary() {
  const ids = new Set(library.map(({ recordedAs }) => recordedAs));
  return recordedSets().flatMap(({ inputs }) => inputs.filter(({ recording }) => ids.has(recording.id)));
}
