import { explore } from "@kvmm/interleave";
import { expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { close } from "../syscalls/files.js";
import { UffdFill, uffdioCopy, uffdioWake, uffdioZeropage } from "../syscalls/uffdio-fill.js";
import { UffdRegister, uffdioUnregister } from "../syscalls/userfaultfd.js";
import { Machine } from "../testing/machine.js";
import { watch } from "../testing/watch.js";

const RAM = 0x2000_0000_0000;
const SOURCE = 0x2100_0000_0000;

/** A reader of a missing page, and the handler's thread, in every order. */
function against(handler: (m: Machine, fd: number) => unknown): {
  readonly read: readonly unknown[];
  readonly violations: readonly string[];
} {
  const m = new Machine({ nodes: 1, hugetlb2M: 0 });
  // The page tables are there: only the pages are at stake.
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  hostAccess(m.task, RAM + PAGE_SIZE, 1);
  m.mapAnon(SOURCE, PAGE_SIZE);
  hostAccess(m.task, SOURCE, 11);
  const fd = watch(m, RAM, PAGE_SIZE, UffdRegister.missing);
  const read = new Set<unknown>();
  const result = explore(
    m.store,
    [
      { name: "reader", calls: [() => Object.values(hostAccess(m.task, RAM))[0]] },
      { name: "handler", calls: [() => void handler(m, fd)] },
    ],
    {
      atEnd: ([reader]) => {
        read.add(reader![0]);
        return undefined;
      },
    },
  );
  expect(result.exhaustive || result.violations.length > 0).toBe(true);
  return { read: [...read], violations: [...new Set(result.violations.map(({ kind }) => kind))] };
}

test("a reader of a missing page sees what UFFDIO_COPY brings, whoever is first", () => {
  expect(against((m, fd) => uffdioCopy(m.task, fd, RAM, SOURCE, PAGE_SIZE, 0))).toEqual({
    read: [11],
    violations: [],
  });
});

test("without a wake-up it sleeps for ever, unless UFFDIO_WAKE follows", () => {
  const copy = (m: Machine, fd: number) => uffdioCopy(m.task, fd, RAM, SOURCE, PAGE_SIZE, UffdFill.dontwake);
  expect(against(copy)).toEqual({ read: [11], violations: ["lost wake-up"] });
  const awake = (m: Machine, fd: number) => {
    copy(m, fd);
    uffdioWake(m.task, fd, RAM, PAGE_SIZE);
  };
  expect(against(awake)).toEqual({ read: [11], violations: [] });
});

test("it is served zeros by UFFDIO_ZEROPAGE, and by nobody once the userfaultfd is gone", () => {
  const zero = { read: [0], violations: [] };
  expect(against((m, fd) => uffdioZeropage(m.task, fd, RAM, PAGE_SIZE, 0))).toEqual(zero);
  expect(against((m, fd) => uffdioUnregister(m.task, fd, RAM, PAGE_SIZE))).toEqual(zero);
  expect(against((m, fd) => close(m.task, fd))).toEqual(zero);
});
