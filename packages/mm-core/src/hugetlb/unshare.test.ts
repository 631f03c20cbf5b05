import { expect, test } from "vitest";
import { PMD_SIZE, PUD_SIZE } from "../addresses.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { munmap } from "../syscalls/munmap.js";
import { UffdRegister, uffdioRegister } from "../syscalls/userfaultfd.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";

const RAM = 0x2000_0000_0000;

function machine(kind: number): Machine {
  const m = new Machine();
  const flags = kind | MapFlag.anonymous | MapFlag.hugetlb | MapFlag.fixed | MapFlag.noreserve;
  ok(
    mmap(m.task, { addr: RAM, length: 2 * PUD_SIZE, prot: Prot.read | Prot.write, flags, fd: -1, offset: 0 }),
  );
  m.notifier.take();
  return m;
}

const ranges = (m: Machine) =>
  m.notifier
    .take()
    .filter(({ site }) => site === "hugetlb_unshare_pmds")
    .map(({ start, end, event }) => [start - RAM, end - RAM, event]);

test("a userfaultfd that watches a shared hugetlb mapping raises a notifier over each whole 1 GiB of it", () => {
  const m = machine(MapFlag.shared);
  const fd = watch(m, RAM, 2 * PUD_SIZE, UffdRegister.missing);
  expect(ranges(m)).toEqual([]);
  ok(uffdioRegister(m.task, fd, RAM, 2 * PUD_SIZE, UffdRegister.minor));
  expect(ranges(m)).toEqual([[0, 2 * PUD_SIZE, "CLEAR"]]);
});

test("so does cutting it within such a 1 GiB; a private mapping shares nothing", () => {
  const shared = machine(MapFlag.shared);
  ok(munmap(shared.task, RAM + PUD_SIZE + PMD_SIZE, PMD_SIZE));
  // The second cut is of what is no whole 1 GiB any more.
  expect(ranges(shared)).toEqual([[PUD_SIZE, 2 * PUD_SIZE, "CLEAR"]]);
  const own = machine(MapFlag.private);
  ok(munmap(own.task, RAM + PUD_SIZE + PMD_SIZE, PMD_SIZE));
  expect(ranges(own)).toEqual([]);
});
