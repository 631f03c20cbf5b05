import { search } from "@kvmm/interleave";
import { expect, test } from "vitest";
import { PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { getUserPage } from "../gup.js";
import { hostAccess } from "../host-access.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { munmap } from "../syscalls/munmap.js";
import { Machine } from "../testing/machine.js";

const RAM = 0x2000_0000_0000;

/** A huge page, mapped; one thread takes a reference to a page of it and lets go of it, as KVM does. */
function machine(): Machine {
  const m = new Machine({ nodes: 1, nodeSize: 2 ** 26, hugetlb2M: 0 });
  m.mapAnon(RAM, PMD_SIZE);
  madvise(m.task, RAM, PMD_SIZE, Madv.hugepage);
  hostAccess(m.task, RAM + 3 * PAGE_SIZE, 7);
  return m;
}

test("a page of a huge page is found or not, whatever becomes of the entry meanwhile, and no reference is lost", () => {
  const m = machine();
  const { frames } = m.host;
  const lookUp = () => {
    const page = getUserPage(m.task, RAM + 3 * PAGE_SIZE, { write: true, fastOnly: true });
    if (typeof page !== "number") return page;
    const word = frames.word.get(page);
    frames.put(page);
    return word;
  };
  const found = new Set<unknown>();
  const result = search(
    m.store,
    [
      { name: "vcpu", calls: [lookUp] },
      { name: "vmm", calls: [() => munmap(m.task, RAM, PMD_SIZE)] },
    ],
    {
      atEnd: ([looks]) => {
        found.add(looks![0]);
        return m.host.frames.used(0) === 1
          ? undefined
          : `${m.host.frames.used(0)} frames are in use at the end`;
      },
    },
  );
  expect(result.violations).toEqual([]);
  expect(result.exhaustive).toBe(true);
  expect(found).toEqual(new Set([7, "EAGAIN"]));
}, 60_000);

test("a split meanwhile changes nothing for whoever looks a page up", () => {
  const m = machine();
  const { frames } = m.host;
  const lookUp = () => {
    const page = getUserPage(m.task, RAM + 3 * PAGE_SIZE, { write: true, fastOnly: true });
    if (typeof page !== "number") return page;
    frames.put(page);
    return page - frames.folio(page);
  };
  const found = new Set<unknown>();
  const result = search(
    m.store,
    [
      { name: "vcpu", calls: [lookUp] },
      { name: "vmm", calls: [() => munmap(m.task, RAM + PMD_SIZE - PAGE_SIZE, PAGE_SIZE)] },
    ],
    {
      atEnd: ([looks]) => {
        found.add(looks![0]);
        return undefined;
      },
    },
  );
  expect(result.violations).toEqual([]);
  expect(result.exhaustive).toBe(true);
  expect(found).toEqual(new Set([3, "EAGAIN"]));
}, 60_000);
