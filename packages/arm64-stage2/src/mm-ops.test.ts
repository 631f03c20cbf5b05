import { Store } from "@kvmm/interleave";
import { expect, test } from "vitest";
import { ipa, pa } from "./address.js";
import { Prot } from "./descriptor/prot.js";
import { getVtcr } from "./geometry/vtcr.js";
import { machine } from "./machine.js";
import { guestCacheOps } from "./mm-ops.js";
import { Stage2 } from "./stage2.js";
import { MemoryCache } from "./table/memory-cache.js";

test.each([
  { fwb: true, dic: true, expected: [] },
  { fwb: true, dic: false, expected: ["icache 5000+1000"] },
  { fwb: false, dic: true, expected: ["dcache 5000+1000"] },
  { fwb: false, dic: false, expected: ["dcache 5000+1000", "icache 5000+1000"] },
])(
  "mapping code cleans the caches that the machine does not keep coherent: FWB $fwb, DIC $dic",
  ({ fwb, dic, expected }) => {
    const store = new Store();
    const m = machine({ fwb, dic });
    const done: string[] = [];
    const note = (cache: string) => (phys: number, size: number) =>
      void done.push(`${cache} ${phys.toString(16)}+${size.toString(16)}`);
    const mm = guestCacheOps(m, { cleanDcache: note("dcache"), invalidateIcache: note("icache") });
    const pgt = new Stage2({ store, machine: m, vtcr: getVtcr(m, 5n, 0n, 40), mm });
    pgt.init();
    pgt.map(ipa(0), 4096, pa(0x5000), Prot.RWX, new MemoryCache(store, "cache", 2));
    expect(done).toEqual(expected);
  },
);
