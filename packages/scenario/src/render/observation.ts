import type {
  ExitObservation,
  FaultObservation,
  NotifierObservation,
  Observation,
  ObservationField,
} from "../format/observation.js";
import type { PageList } from "../format/page-list.js";
import { renderPages } from "./pages.js";

/** `unmap ram pages 4-7 (zap_vma_range_batched)` */
export function renderNotifier({ event, addr, pages, site, maybe }: NotifierObservation): string {
  return `${event} ${addr} ${renderPages(pages)} (${site})${maybe === true ? " maybe" : ""}`;
}

/** `write translation pages 0-15` */
export function renderFault({ access, kind, pages, gpa }: FaultObservation): string {
  return `${access} ${kind} ${renderPages(pages)}${gpa === undefined ? "" : ` from ${gpa}`}`;
}

export function renderExit({ pages, errno, exit, signal, code, exception }: ExitObservation): string {
  const trap = exception === undefined ? undefined : `exception ${exception}`;
  const words = [exit, errno, signal, code, trap].filter((word) => word !== undefined);
  return `${words.join(" ")} ${renderPages(pages)}`;
}

/** One field of an observation, on one line. */
export function renderField(observation: Observation, field: ObservationField | "step"): string {
  const nothing = field === "step" ? "no such step" : "nothing";
  if (field === "step") return nothing;
  switch (field) {
    case "notifiers":
      return (observation.notifiers ?? []).map(renderNotifier).join("; ") || nothing;
    case "faults":
      return (observation.faults ?? []).map(renderFault).join("; ") || nothing;
    case "exits":
      return (observation.exits ?? []).map(renderExit).join("; ") || nothing;
    case "signals": {
      const signals = observation.signals ?? [];
      return (
        signals
          .map((s) => `${[s.signal, s.code].filter(Boolean).join(" ")} ${renderPages(s.pages)}`)
          .join("; ") || nothing
      );
    }
    case "frames":
      return (
        (observation.frames ?? []).map(({ is, pages }) => `${is} ${renderPages(pages)}`).join("; ") || nothing
      );
    case "value":
      return typeof observation.value === "number"
        ? `0x${observation.value.toString(16)}`
        : (observation.value ?? nothing);
    case "bitmap":
    case "waits":
    case "idle":
    case "resident":
      return pagesOrNothing(observation[field]);
    case "stage2":
      return renderStage2(observation) || nothing;
    case "spe":
      return renderSpe(observation) || nothing;
    default: {
      const value = observation[field];
      if (value === undefined) return nothing;
      return typeof value === "object" ? JSON.stringify(value) : String(value);
    }
  }
}

function pagesOrNothing(pages: PageList | undefined): string {
  return pages === undefined ? "nothing" : renderPages(pages);
}

function renderStage2({ stage2 }: Observation): string {
  return (stage2 ?? [])
    .map(([first, end, level, words]) => `${first}-${end} L${level} ${words || "hole"}`)
    .join("; ");
}

/** `written 64; lost 1; faults 1 (translation level 3)`; what is 0 is left out. */
function renderSpe({ spe = {} }: Observation): string {
  const { fault_kinds: kinds, ...counts } = spe;
  const named = Object.keys(kinds ?? {}).join(", ");
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => {
      const of = name === "faults" && named !== "" ? ` (${named})` : "";
      return `${name.replaceAll("_", " ")} ${count}${of}`;
    })
    .join(", ");
}

/** The fields that say something, in the order in which people ask for them. */
const order: readonly ObservationField[] = [
  "ret",
  "errno",
  "value",
  "notifiers",
  "faults",
  "exits",
  "signals",
  "waits",
  "frames",
  "bitmap",
  "status",
  "mode",
  "mode_flags",
  "nodemask",
  "pages_shared",
  "pages_sharing",
  "resident",
  "idle",
  "stat",
  "f_type",
  "target",
  "flags",
  "stage2",
  "spe",
];

/** An observation on one line: `0; faults: write translation pages 0-15`. */
export function renderObservation(observation: Observation): string {
  const parts = order
    .filter((field) => observation[field] !== undefined)
    .map((field) => {
      const text = renderField(observation, field);
      return field === "ret" || field === "errno" ? text : `${field}: ${text}`;
    });
  return parts.join("; ") || "nothing";
}
