import { explore } from "@kvmm/interleave";
import { expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { leafAt } from "../leaf.js";
import { ftruncate, memfdCreate } from "../syscalls/files.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { Machine, ok } from "../testing/machine.js";

const RAM = 0x2000_0000_0000;

/** A page of a memfd, which holds 7, and a mapping that has touched none of it. */
function machine(kind: number): { m: Machine; fd: number } {
  const m = new Machine({ nodes: 1, nodeSize: 2 ** 26, hugetlb2M: 0 });
  const fd = ok(memfdCreate(m.task, 0));
  ok(ftruncate(m.task, fd, PAGE_SIZE));
  const args = { addr: RAM, length: PAGE_SIZE, prot: Prot.read | Prot.write, fd, offset: 0 };
  ok(mmap(m.task, { ...args, flags: MapFlag.shared | MapFlag.fixed }));
  hostAccess(m.task, RAM, 7);
  ok(mmap(m.task, { ...args, flags: kind | MapFlag.fixed }));
  m.host.lru.drain();
  return { m, fd };
}

// The page of the file is locked from before the copy until the copy is mapped: unlocked in between, the copy came to
// stand beyond the end of the file, after truncation had looked for the last time.
test.each([
  ["private", MapFlag.private],
  ["shared", MapFlag.shared],
])(
  "nothing of a file stays mapped beyond its end, however a first write to a %s mapping and truncation meet",
  (_name, kind) => {
    const { m, fd } = machine(kind);
    const outcomes = new Set<unknown>();
    const result = explore(
      m.store,
      [
        { name: "vmm", calls: [() => Object.keys(hostAccess(m.task, RAM, 9))[0]] },
        { name: "other", calls: [() => ftruncate(m.task, fd, 0)] },
      ],
      {
        atEnd: ([access]) => {
          outcomes.add(access![0]);
          const leaf = leafAt(m.task.mm, RAM);
          return leaf === null ? undefined : `entry ${leaf.pte} stands beyond the end of the file`;
        },
      },
    );
    expect(result.violations).toEqual([]);
    expect(result.exhaustive).toBe(true);
    expect(outcomes).toEqual(new Set(["value", "signal"]));
  },
  60_000,
);
