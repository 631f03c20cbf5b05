import type { ConformInput, RecordResult } from "@kvmm/scenario";
import { code, table } from "./markdown.js";

interface Site {
  readonly events: Set<string>;
  recordings: number;
  reproduced: number;
}

/** By the kernel function that raises it: in how many recordings a notifier was seen, and in how many the model agrees. */
export function notifierCensus(
  sets: readonly { readonly inputs: readonly ConformInput[]; readonly records: readonly RecordResult[] }[],
): string {
  const sites = new Map<string, Site>();
  for (const { inputs, records } of sets) {
    for (const [index, { recording }] of inputs.entries()) {
      const here = new Set<string>();
      for (const { notifiers } of recording.observed) {
        for (const { site, event } of notifiers ?? []) {
          here.add(site);
          siteOf(sites, site).events.add(event);
        }
      }
      for (const site of here) {
        const known = siteOf(sites, site);
        known.recordings++;
        if (records[index]!.outcome === "reproduced") known.reproduced++;
      }
    }
  }
  const rows = [...sites]
    .sort(([, a], [, b]) => b.recordings - a.recordings)
    .map(([name, { events, recordings, reproduced }]) => [
      code(name),
      [...events].sort().join(", "),
      `${recordings}`,
      `${reproduced}`,
    ]);
  return table(["raised in", "event", "recordings", "reproduced"], rows);
}

function siteOf(sites: Map<string, Site>, name: string): Site {
  let site = sites.get(name);
  if (site === undefined) {
    site = { events: new Set(), recordings: 0, reproduced: 0 };
    sites.set(name, site);
  }
  return site;
}
