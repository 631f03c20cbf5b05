import { describe, expect, test } from "vitest";
import type { Step } from "../format/step.js";
import { runScenario } from "./run-scenario.js";

const GPA = "0x80000000";
const machine = { kernel: "7.2", arch: "arm64" as const };
const ANON = ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"];

const mapAt = (addr: string, name: string, length = "4p"): Step => ({
  call: "mmap",
  args: { addr, length, prot: "rw", flags: ANON },
  as: name,
});

/** Memory of the guest whose pages a userfaultfd is asked for, and another mapping with pages to fill it. */
const setUp = (modes: readonly string[], length = "4p"): readonly Step[] => [
  mapAt("0x200000000000", "ram", length),
  mapAt("0x210000000000", "source", length),
  {
    call: "KVM_SET_USER_MEMORY_REGION2",
    args: { slot: 0, guest_phys_addr: GPA, memory_size: length, userspace_addr: "ram" },
  },
  { call: "host_write", args: { addr: "source", length: "4p", value: 11 } },
  { call: "userfaultfd", args: { flags: [] }, as: "uffd" },
  { call: "UFFDIO_API", args: { on: "uffd", features: [] } },
  { call: "UFFDIO_REGISTER", args: { on: "uffd", addr: "ram", length, mode: modes } },
];

const copy = (page: string, extra: Record<string, readonly string[]> = {}): Step => ({
  call: "UFFDIO_COPY",
  args: { on: "uffd", addr: page, length: "1p", src: "source", ...extra },
});
const guestRead = (length = "1p"): Step => ({ call: "vcpu_read", args: { gpa: GPA, length } });
const guestWrite = (length = "1p"): Step => ({ call: "vcpu_write", args: { gpa: GPA, length } });

function observed(base: readonly Step[], ...steps: readonly Step[]) {
  const result = runScenario({ machine, steps: [...base, ...steps] });
  expect(result.violations).toEqual([]);
  expect(result.notModelled).toEqual([]);
  return result.observed.slice(base.length);
}

describe("postcopy: a guest whose memory is not there yet", () => {
  const base = setUp(["UFFDIO_REGISTER_MODE_MISSING"]);

  test("waits for each page that it touches until the handler has brought it", () => {
    const [first, , second] = observed(base, guestRead("2p"), copy("ram"), guestRead("2p"));
    expect(first).toMatchObject({ waits: [[0, 2]], faults: [{ pages: [[0, 2]], kind: "translation" }] });
    expect(second).toMatchObject({ value: 11, waits: [[1, 2]] });
  });

  test("loses a page that UFFDIO_MOVE takes away from it, and is told by a notifier over the rest of the range", () => {
    const other: readonly Step[] = [
      mapAt("0x220000000000", "target"),
      {
        call: "UFFDIO_REGISTER",
        args: { on: "uffd", addr: "target", length: "4p", mode: ["UFFDIO_REGISTER_MODE_MISSING"] },
      },
      copy("ram"),
      guestRead(),
      { call: "UFFDIO_MOVE", args: { on: "uffd", addr: "target", length: "1p", src: "ram" } },
      guestRead(),
    ];
    const seen = observed(base, ...other);
    expect(seen[4]).toMatchObject({
      ret: 0,
      notifiers: [{ event: "unmap", pages: [[0, 1]], site: "move_pages_ptes" }],
      frames: [{ pages: [[0, 1]], is: "gone" }],
    });
    expect(seen[5]).toMatchObject({ waits: [[0, 1]] });
  });

  test("gets a memory error from UFFDIO_POISON", () => {
    const poison: Step = { call: "UFFDIO_POISON", args: { on: "uffd", addr: "ram", length: "1p" } };
    const [, read] = observed(base, poison, guestRead());
    expect(read).toMatchObject({ exits: [{ signal: "SIGBUS", code: "BUS_MCEERR_AR" }] });
  });
});

test("a live snapshot: the guest waits with its first write to a page until the handler ends the protection", () => {
  const protect = (mode: readonly string[]): Step => ({
    call: "UFFDIO_WRITEPROTECT",
    args: { on: "uffd", addr: "ram", length: "1p", mode },
  });
  const [, protecting, read, waiting, , writing] = observed(
    setUp(["UFFDIO_REGISTER_MODE_WP"]),
    guestWrite(),
    protect(["UFFDIO_WRITEPROTECT_MODE_WP"]),
    guestRead(),
    guestWrite(),
    protect([]),
    guestWrite(),
  );
  expect(protecting).toMatchObject({ notifiers: [{ event: "unmap", site: "change_pud_range" }] });
  expect(read).not.toHaveProperty("waits");
  expect(waiting).toMatchObject({ waits: [[0, 1]] });
  expect(writing).not.toHaveProperty("waits");
});

test("the VMM's own access waits, and a call that would is interrupted", () => {
  const [read, locked] = observed(
    setUp(["UFFDIO_REGISTER_MODE_MISSING"]),
    { call: "host_read", args: { addr: "ram", length: "2p" } },
    { call: "mlock", args: { addr: "ram", length: "1p" } },
  );
  expect(read).toMatchObject({ waits: [[0, 2]] });
  expect(locked).toMatchObject({ errno: "EINTR" });
});

test("in every order of a vCPU and the handler's thread the guest gets the page; without a wake-up it may sleep for ever", () => {
  const threads = (mode: readonly string[]) =>
    runScenario({
      machine: { ...machine, nodes: 1, arch: "x86" },
      steps: [
        ...setUp(["UFFDIO_REGISTER_MODE_MISSING"]),
        { ...copy("ram+1p"), call: "UFFDIO_ZEROPAGE", args: { on: "uffd", addr: "ram+1p", length: "1p" } },
      ],
      concurrently: {
        vcpu: [guestRead()],
        handler: [{ call: "UFFDIO_ZEROPAGE", args: { on: "uffd", addr: "ram", length: "1p", mode } }],
      },
    });
  expect(threads([]).violations).toEqual([]);
  expect(threads(["UFFDIO_ZEROPAGE_MODE_DONTWAKE"]).violations).toMatchObject([{ property: "no deadlock" }]);
}, 60_000);

test("pages that a device uses stay where they are, and the guest's with them", () => {
  const pin: Step = {
    call: "PIN_LONGTERM_TEST_START",
    args: { addr: "ram", length: "4p", flags: ["PIN_LONGTERM_TEST_FLAG_USE_WRITE"] },
  };
  const pageout: Step = { call: "madvise", args: { addr: "ram", length: "4p", advice: "MADV_PAGEOUT" } };
  const base = setUp(["UFFDIO_REGISTER_MODE_WP"]);
  const [, , kept, , gone] = observed(
    base,
    guestWrite("4p"),
    pin,
    pageout,
    { call: "PIN_LONGTERM_TEST_STOP", args: {} },
    pageout,
  );
  expect(kept).not.toHaveProperty("notifiers");
  expect(kept).toMatchObject({ frames: [{ pages: [[0, 4]], is: "same" }] });
  expect(gone).toMatchObject({ notifiers: [{ site: "try_to_unmap_one" }] });
});
