import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import type { FaultObservation, NotifierObservation, Observation } from "../format/observation.js";
import type { PageList } from "../format/page-list.js";
import { countPages, toPageSet } from "../format/page-list.js";
import type { Recording } from "../format/recording.js";
import { compare } from "./compare.js";
import { aliasesOf, sameSite } from "./site.js";

/** A step of a recording that a perturbation may act on. */
interface Spot {
  readonly recording: Recording;
  readonly step: number;
  readonly observation: Observation;
}

const spots: readonly Spot[] = allRecordings.flatMap(({ recording }) =>
  recording.observed.map((observation, step) => ({ recording, step, observation })),
);

const isKnown = (field: string) => (spot: Spot) => spot.observation.unknown?.includes(field) !== true;

function where(...conditions: ((spot: Spot) => boolean)[]): fc.Arbitrary<Spot> {
  const fitting = spots.filter((spot) => conditions.every((condition) => condition(spot)));
  expect(fitting.length).toBeGreaterThan(0);
  return fc.constantFrom(...fitting);
}

function replaced({ recording, step }: Spot, observation: Observation): Observation[] {
  return recording.observed.map((old, index) => (index === step ? observation : old));
}

const differ = (spot: Spot, observation: Observation) =>
  compare(spot.recording, replaced(spot, observation)).map(({ step, field }) => `${step} ${field}`);

const has =
  (field: keyof Observation, least = 1) =>
  ({ observation }: Spot) => {
    const value = observation[field];
    return Array.isArray(value) && value.length >= least;
  };
const isCertain = ({ observation }: Spot) => observation.any !== true;
const isAny = ({ observation }: Spot) => observation.any === true;

const moved = (pages: PageList): PageList =>
  pages.map(([first, end, step = 1]) => [first + 1, end + 1, step]);

const pageByPage = (pages: PageList): PageList =>
  toPageSet(pages).flatMap(([first, end]) =>
    Array.from({ length: end - first }, (_, i): [number, number] => [first + i, first + i + 1]),
  );

describe("every recording", () => {
  test("agrees with itself", () => {
    const disagreeing = allRecordings
      .map(({ file, recording }) => ({
        file,
        id: recording.id,
        differences: compare(recording, recording.observed),
      }))
      .filter(({ differences }) => differences.length > 0);
    expect(disagreeing).toEqual([]);
    expect(allRecordings.length).toBe(2572);
  });

  test("agrees with itself once callers and counts are gone", () => {
    for (const { recording } of allRecordings) {
      const bare = recording.observed.map((observation) => {
        if (observation.notifiers === undefined) return observation;
        const notifiers = observation.notifiers.map(({ event, addr, pages, site }) => ({
          event,
          addr,
          pages,
          site,
        }));
        return { ...observation, notifiers };
      });
      expect(compare(recording, bare)).toEqual([]);
    }
  });

  test("agrees with itself page by page: each page of a notifier an entry of its own", () => {
    for (const { recording } of allRecordings) {
      const split = recording.observed.map((observation): Observation => {
        if (observation.notifiers === undefined) return observation;
        if (observation.notifiers.some(({ pages }) => countPages(toPageSet(pages)) > 1024))
          return observation;
        const notifiers = observation.notifiers.flatMap((notifier) =>
          pageByPage(notifier.pages).map((range): NotifierObservation => ({ ...notifier, pages: [range] })),
        );
        return { ...observation, notifiers };
      });
      expect(compare(recording, split)).toEqual([]);
    }
  });

  test("agrees with itself where page lists are written in another way", () => {
    for (const { recording } of allRecordings) {
      const rewritten = recording.observed.map((observation): Observation => {
        const faults = observation.faults?.map((fault) => ({
          ...fault,
          pages: [...pageByPage(fault.pages)].reverse(),
        }));
        return faults === undefined ? observation : { ...observation, faults };
      });
      expect(compare(recording, rewritten)).toEqual([]);
    }
  });

  test("agrees with itself where notifiers name the address of ram instead of its name", () => {
    for (const { recording } of allRecordings) {
      const ram = recording.steps.find((step) => step.as === "ram" && step.call === "mmap")?.args?.["addr"];
      if (typeof ram !== "string") continue;
      const named = recording.steps.filter((step) => step.as === "ram").length;
      if (named !== 1) continue;
      const literal = recording.observed.map((observation): Observation => {
        if (observation.notifiers === undefined) return observation;
        const notifiers = observation.notifiers.map((n) => (n.addr === "ram" ? { ...n, addr: ram } : n));
        return { ...observation, notifiers };
      });
      expect(compare(recording, literal)).toEqual([]);
    }
  });

  test("agrees with a whole stage-2 dump, of which the kernel would not have printed the last range", () => {
    for (const { recording } of allRecordings) {
      const whole = recording.observed.map((observation): Observation => {
        const { stage2, ipa_range: bits } = observation;
        if (stage2 === undefined || bits === undefined) return observation;
        const last = stage2[stage2.length - 1];
        const from = last?.[1] ?? "0x0";
        const level = last?.[2] === 2 && last[3] === "" ? 1 : 2;
        return { ...observation, stage2: [...stage2, [from, `0x${(2 ** bits).toString(16)}`, level, ""]] };
      });
      expect(compare(recording, whole)).toEqual([]);
    }
  });

  test("agrees with itself where joined notifiers are listed at their own step", () => {
    const joined = allRecordings.filter(({ recording }) =>
      recording.steps.some((step) => step.joined === true),
    );
    expect(joined.length).toBeGreaterThan(20);
    for (const { recording } of joined) {
      const first = recording.steps.findIndex((step) => step.joined === true);
      const notifiers = recording.observed[first + 1]?.notifiers;
      if (notifiers === undefined) continue;
      const earlier = recording.observed.map((observation, index): Observation => {
        if (index === first) return { ...observation, notifiers };
        if (index !== first + 1) return observation;
        const { notifiers: _, ...rest } = observation;
        return rest;
      });
      expect(compare(recording, earlier)).toEqual([]);
    }
  });
});

describe("a perturbed prediction", () => {
  test("differs where a fault is missing", () => {
    const faulting = where(has("faults"), isKnown("faults"));
    fc.assert(
      fc.property(faulting, fc.nat(), (spot, pick) => {
        const faults = spot.observation.faults ?? [];
        const rest = faults.filter((_, index) => index !== pick % faults.length);
        expect(differ(spot, { ...spot.observation, faults: rest })).toEqual([`${spot.step} faults`]);
      }),
    );
  });

  test("differs where a fault is on another page", () => {
    fc.assert(
      fc.property(where(has("faults"), isKnown("faults")), fc.nat(), (spot, pick) => {
        const faults = (spot.observation.faults ?? []).map((fault, index, all) =>
          index === pick % all.length ? { ...fault, pages: moved(fault.pages) } : fault,
        );
        expect(differ(spot, { ...spot.observation, faults })).toEqual([`${spot.step} faults`]);
      }),
    );
  });

  test("differs where a fault is of another kind or access", () => {
    fc.assert(
      fc.property(where(has("faults"), isKnown("faults")), (spot) => {
        const [first, ...rest] = spot.observation.faults ?? [];
        if (first === undefined) return;
        const kind: FaultObservation = { ...first, kind: "access_flag" };
        const access: FaultObservation = { ...first, access: "exec" };
        expect(differ(spot, { ...spot.observation, faults: [kind, ...rest] })).toEqual([
          `${spot.step} faults`,
        ]);
        if (first.access !== "exec")
          expect(differ(spot, { ...spot.observation, faults: [access, ...rest] })).toEqual([
            `${spot.step} faults`,
          ]);
      }),
    );
  });

  test("differs where faults come in another order, unless the step says any", () => {
    fc.assert(
      fc.property(where(has("faults", 2), isCertain, isKnown("faults")), (spot) => {
        const faults = [...(spot.observation.faults ?? [])].reverse();
        expect(differ(spot, { ...spot.observation, faults })).toEqual([`${spot.step} faults`]);
      }),
    );
  });

  test("differs where a fault is predicted that nobody saw", () => {
    const quiet = where(
      ({ observation }) => observation.faults === undefined,
      isKnown("faults"),
      ({ recording }) => recording.traced !== false,
    );
    fc.assert(
      fc.property(quiet, (spot) => {
        const faults: FaultObservation[] = [{ pages: [[0, 1]], access: "read", kind: "translation" }];
        expect(differ(spot, { ...spot.observation, faults })).toEqual([`${spot.step} faults`]);
      }),
    );
  });

  test("differs where another errno, or success, is predicted", () => {
    const failing = where(({ observation }) => observation.errno !== undefined);
    fc.assert(
      fc.property(failing, (spot) => {
        const { errno, ...rest } = spot.observation;
        const other = errno === "ENOSPC" ? "EINVAL" : "ENOSPC";
        expect(differ(spot, { ...rest, errno: other })).toEqual([`${spot.step} errno`]);
        expect(differ(spot, { ...rest, ret: 0 })).toEqual([`${spot.step} ret`, `${spot.step} errno`]);
      }),
    );
  });

  const notified = () =>
    where(has("notifiers"), isKnown("notifiers"), (spot) => certainNotifiers(spot).length > 0);
  const certainNotifiers = ({ observation }: Spot) =>
    (observation.notifiers ?? []).filter((n) => n.maybe !== true);

  test("differs where a notifier is missing", () => {
    fc.assert(
      fc.property(notified(), fc.nat(), (spot, pick) => {
        const certain = certainNotifiers(spot);
        const gone = certain[pick % certain.length];
        const notifiers = (spot.observation.notifiers ?? []).filter((n) => n !== gone);
        const isHidden = notifiers.some(
          (n) => n.event === gone?.event && sameSite(n.site, gone.site) && covers(n.pages, gone.pages),
        );
        if (isHidden) return;
        expect(differ(spot, { ...spot.observation, notifiers })).toEqual([`${spot.step} notifiers`]);
      }),
    );
  });

  const covers = (a: PageList, b: PageList) => {
    const set = new Set(pageByPage(a).map(([page]) => page));
    return pageByPage(b).every(([page]) => set.has(page));
  };

  test("differs where a notifier has a page less or more", () => {
    fc.assert(
      fc.property(notified(), (spot) => {
        const [first, ...rest] = certainNotifiers(spot);
        if (first === undefined || spot.observation.notifiers?.some((n) => n.maybe)) return;
        if (rest.some((n) => n.event === first.event && sameSite(n.site, first.site))) return;
        const all = pageByPage(first.pages);
        const less = { ...first, pages: all.slice(0, -1) };
        const more = { ...first, pages: [...all, [5000, 5001] as const] };
        for (const changed of [less, more])
          expect(differ(spot, { ...spot.observation, notifiers: [changed, ...rest] })).toEqual([
            `${spot.step} notifiers`,
          ]);
      }),
    );
  });

  test("agrees where a site has its alias's name, and differs where it has another", () => {
    fc.assert(
      fc.property(notified(), fc.nat(), (spot, pick) => {
        const certain = certainNotifiers(spot);
        const chosen = certain[pick % certain.length];
        const withSite = (site: string) => ({
          ...spot.observation,
          notifiers: (spot.observation.notifiers ?? []).map((n) => (n === chosen ? { ...n, site } : n)),
        });
        for (const alias of aliasesOf(chosen?.site ?? "")) expect(differ(spot, withSite(alias))).toEqual([]);
        expect(differ(spot, withSite("some_other_function"))).toEqual([`${spot.step} notifiers`]);
      }),
      { numRuns: 300 },
    );
  });

  test("differs where an event is another", () => {
    fc.assert(
      fc.property(notified(), (spot) => {
        const [first, ...rest] = certainNotifiers(spot);
        if (first === undefined) return;
        const event = first.event === "unmap" ? "age" : "unmap";
        const notifiers: NotifierObservation[] = [{ ...first, event }, ...rest];
        expect(differ(spot, { ...spot.observation, notifiers })).toEqual([`${spot.step} notifiers`]);
      }),
    );
  });

  test("differs where notifiers of different sites are swapped, and agrees where the step says any", () => {
    const several = (spot: Spot) =>
      new Set(spot.observation.notifiers?.map((n) => `${n.event} ${n.site}`)).size > 1;
    const swapped = ({ observation }: Spot) => ({
      ...observation,
      notifiers: [...(observation.notifiers ?? [])].reverse(),
    });
    fc.assert(
      fc.property(where(several, isCertain, isKnown("notifiers")), (spot) => {
        expect(differ(spot, swapped(spot))).toEqual([`${spot.step} notifiers`]);
      }),
    );
    fc.assert(
      fc.property(where(several, isAny, isKnown("notifiers")), (spot) => {
        expect(differ(spot, swapped(spot))).toEqual([]);
      }),
    );
  });

  test("agrees with or without what the recording marks maybe, on whatever pages", () => {
    const uncertain = spots.filter(({ observation }) => observation.notifiers?.some((n) => n.maybe === true));
    expect(uncertain.length).toBeGreaterThan(5);
    for (const spot of uncertain) {
      expect(differ(spot, { ...spot.observation, notifiers: certainNotifiers(spot) })).toEqual([]);
      const elsewhere = (spot.observation.notifiers ?? []).map((n) =>
        n.maybe ? { ...n, pages: moved(n.pages) } : n,
      );
      expect(differ(spot, { ...spot.observation, notifiers: elsewhere })).toEqual([]);
    }
  });

  test("agrees whatever it says of what is unknown", () => {
    const open = spots.filter(({ observation }) => observation.unknown?.includes("faults"));
    for (const spot of open) {
      const faults: FaultObservation[] = [{ pages: [[0, 3]], access: "read", kind: "translation" }];
      expect(differ(spot, { ...spot.observation, faults })).toEqual([]);
    }
    const errno = spots.filter(({ observation }) => observation.unknown?.includes("errno"));
    expect(errno.length).toBe(2);
    for (const spot of errno) expect(differ(spot, { errno: "EFAULT" })).toEqual([]);
  });

  test("differs where frames, values, bitmaps, exits or signals are others", () => {
    for (const spot of spots) {
      const { frames, value, bitmap, exits, signals } = spot.observation;
      if (frames?.[0] !== undefined) {
        const other = frames.map((f) => ({
          ...f,
          is: f.is === "same" ? ("gone" as const) : ("same" as const),
        }));
        expect(differ(spot, { ...spot.observation, frames: other })).toEqual([`${spot.step} frames`]);
      }
      if (value !== undefined)
        expect(differ(spot, { ...spot.observation, value: "0xbad" })).toEqual([`${spot.step} value`]);
      if (bitmap !== undefined) {
        const other: PageList = [...bitmap.slice(1), [3, 4], [7, 8]];
        if (!covers(bitmap, other))
          expect(differ(spot, { ...spot.observation, bitmap: other })).toContain(`${spot.step} bitmap`);
      }
      if (exits?.[0] !== undefined)
        expect(differ(spot, { ...spot.observation, exits: [] })).toEqual([`${spot.step} exits`]);
      if (signals?.[0] !== undefined)
        expect(differ(spot, { ...spot.observation, signals: [] })).toEqual([`${spot.step} signals`]);
    }
  });

  test("differs where move_pages puts a page elsewhere, unless the step says any", () => {
    const asked = spots.filter(({ observation }) => (observation.status?.length ?? 0) > 0);
    for (const spot of asked) {
      const status = (spot.observation.status ?? []).map((node) => (node === 0 ? 1 : 0));
      const expected = spot.observation.any === true ? [] : [`${spot.step} status`];
      expect(differ(spot, { ...spot.observation, status })).toEqual(expected);
    }
    expect(asked.some(({ observation }) => observation.any === true)).toBe(true);
  });

  test("differs where a line of a stage-2 dump has other attributes, ends elsewhere or is missing", () => {
    const dumped = spots.filter(({ observation }) => (observation.stage2?.length ?? 0) > 2);
    for (const spot of dumped.filter(isCertain)) {
      const stage2 = spot.observation.stage2 ?? [];
      const [first, second, third, ...rest] = stage2;
      if (first === undefined || second === undefined || third === undefined) continue;
      const attributes = [first, [second[0], second[1], second[2], "R px ux"] as const, third, ...rest];
      const missing = [first, third, ...rest];
      for (const other of [attributes, missing])
        expect(differ(spot, { ...spot.observation, stage2: other })).toEqual([`${spot.step} stage2`]);
    }
  });

  test("is not held against faults and notifiers of a recording that was not traced", () => {
    const untraced = spots.filter(({ recording }) => recording.traced === false);
    expect(untraced.length).toBeGreaterThan(100);
    for (const spot of untraced) {
      const faults: FaultObservation[] = [{ pages: [[0, 1]], access: "read", kind: "translation" }];
      expect(differ(spot, { ...spot.observation, faults })).toEqual([]);
    }
  });

  test("differs where it ends before the recording does", () => {
    const { recording } = allRecordings[0]!;
    const differences = compare(recording, recording.observed.slice(0, -1));
    expect(differences.map(({ field }) => field)).toEqual(["step"]);
  });
});

test("an outer site stands for each function inlined into it, but those not for one another", () => {
  expect(sameSite("try_to_merge_one_page", "replace_page")).toBe(true);
  expect(sameSite("write_protect_page", "try_to_merge_one_page")).toBe(true);
  expect(sameSite("write_protect_page", "replace_page")).toBe(false);
});
