import { toPageSet } from "../format/page-list.js";
import type { Expectation } from "../format/scenario.js";
import { renderPages } from "../render/pages.js";
import { PageRuns } from "./page-runs.js";
import { slotMappings } from "./slot-mappings.js";
import type { World } from "./world.js";

/** What is wrong with an expectation at the end of a scenario, or undefined. */
export function unmet(world: World, expectation: Expectation): string | undefined {
  const wanted = "mapped" in expectation;
  const { slot: id, pages } = wanted ? expectation.mapped : expectation.unmapped;
  const slot = world.kvm
    .peekMemslots()
    .peek()
    .find(({ slotId }) => slotId === id);
  if (slot === undefined) return `there is no slot ${id}`;
  const mapped = slotMappings(world, slot);
  const wrong = new PageRuns();
  for (const [first, end] of toPageSet(pages)) {
    for (let page = first; page < end; page++) if (mapped.has(page) !== wanted) wrong.add(page);
  }
  const list = wrong.list();
  if (list.length === 0) return undefined;
  return `${renderPages(list)} of slot ${id} should ${wanted ? "" : "not "}be mapped at stage 2`;
}
