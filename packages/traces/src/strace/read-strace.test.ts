import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readStrace, type StraceCall } from "./read-strace.js";
import { parseStraceValue, type StraceValue } from "./strace-value.js";

const qemu = readFileSync(new URL("../../test-data/strace/qemu-pc-256m.strace", import.meta.url), "utf8");

function only(text: string): StraceCall {
  const { calls, problems } = readStrace(text);
  expect(problems).toEqual([]);
  expect(calls).toHaveLength(1);
  return calls[0]!;
}

/** A value as one would write it in JavaScript. */
function plain(value: StraceValue): unknown {
  if (value.kind === "struct")
    return Object.fromEntries([...value.fields].map(([name, field]) => [name, plain(field)]));
  if (value.kind === "list") return value.items.map(plain);
  if (value.kind === "number") return value.value;
  if (value.kind === "flags") return [...value.names, ...(value.rest === 0n ? [] : [value.rest])].join("|");
  return value.text;
}

describe("a line of strace", () => {
  test("is a call with its structure", () => {
    const call = only(
      "30410 ioctl(8, KVM_SET_USER_MEMORY_REGION, {slot=1, flags=KVM_MEM_READONLY, guest_phys_addr=0xfffc0000, memory_size=262144, userspace_addr=0x7f69c9a00000}) = 0\n",
    );
    expect(call).toMatchObject({ line: 1, pid: 30410, name: "ioctl", ret: 0n, errno: undefined });
    expect(call.args.map(plain)).toEqual([
      8n,
      "KVM_SET_USER_MEMORY_REGION",
      {
        slot: 1n,
        flags: "KVM_MEM_READONLY",
        guest_phys_addr: 0xfffc0000n,
        memory_size: 262144n,
        userspace_addr: 0x7f69c9a00000n,
      },
    ]);
  });

  test("tells how a call failed", () => {
    expect(
      only("mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 11, 0) = -1 EINVAL (Invalid argument)"),
    ).toMatchObject({
      pid: undefined,
      ret: undefined,
      errno: "EINVAL",
    });
  });

  test("may carry time, duration, the files behind descriptors, and a pid in brackets", () => {
    const call = only(
      "[pid  4711] 12:00:01.000002 ioctl(3</dev/kvm>, KVM_CREATE_VM, 0) = 8<anon_inode:kvm-vm> <0.000050>",
    );
    expect(call).toMatchObject({ pid: 4711, ret: 8n });
    expect(plain(call.args[0]!)).toBe(3n);
    expect(only("1700000000.123456 munmap(0x7f0000000000, 4096) = 0").name).toBe("munmap");
  });

  test("has flags with and without names", () => {
    expect(plain(parseStraceValue("MAP_SHARED|MAP_FIXED|0x80000"))).toBe("MAP_SHARED|MAP_FIXED|524288");
    expect(plain(parseStraceValue("MFD_HUGETLB|21<<MFD_HUGE_SHIFT"))).toBe("MFD_HUGETLB|21<<MFD_HUGE_SHIFT");
    expect(plain(parseStraceValue("0x8 /* KVM_MEM_??? */"))).toBe("8");
    expect(plain(parseStraceValue('[{name="a,b", n=-1}, 017]'))).toEqual([{ name: '"a,b"', n: -1n }, 15n]);
  });
});

describe("a call that other threads interrupt", () => {
  test("is put together again, where it returned", () => {
    const { calls } = readStrace(
      [
        "1 ioctl(9, KVM_RUN <unfinished ...>",
        "2 madvise(0x1000, 4096, MADV_DONTNEED <unfinished ...>",
        "1 <... ioctl resumed>, 0) = -1 EFAULT (Bad address)",
        "2 <... madvise resumed>) = 0",
      ].join("\n"),
    );
    expect(calls.map(({ line, pid, name, errno }) => [line, pid, name, errno])).toEqual([
      [3, 1, "ioctl", "EFAULT"],
      [4, 2, "madvise", undefined],
    ]);
    expect(calls[0]!.args.map(plain)).toEqual([9n, "KVM_RUN", 0n]);
  });

  test("and that never returns has no result", () => {
    expect(only("1 ioctl(9, KVM_RUN <unfinished ...>")).toMatchObject({ ret: undefined, errno: undefined });
  });
});

test("a real log is read whole", () => {
  const { calls, problems, lines } = readStrace(qemu);
  expect({ problems, lines }).toEqual({ problems: [], lines: 2773 });
  const count = (name: string) => calls.filter((call) => call.name === name).length;
  expect([count("ioctl"), count("mmap"), count("madvise"), count("munmap")]).toEqual([1943, 249, 426, 20]);
  expect(calls[0]).toMatchObject({ name: "mmap", ret: 0x7f69ccca0000n });
  expect(calls.filter(({ errno }) => errno !== undefined)).toHaveLength(11);
});

test("what is no strace is told line by line, and bounded", () => {
  const { calls, problems } = readStrace(`hello\nmunmap(0x1000, 4096) = 0\n${"x(\n".repeat(1000)}`);
  expect(calls).toHaveLength(1);
  expect(problems).toHaveLength(100);
  expect(problems[0]).toEqual({ line: 1, problem: "is no system call: hello" });
  expect(readStrace("munmap(0, 0) = 0\n".repeat(10), { mostCalls: 3 })).toMatchObject({
    problems: [{ line: 3, problem: "only the first 3 calls are read" }],
  });
});

test("nothing that a file may hold stops the reader", () => {
  const piece = fc.constantFrom(
    "ioctl(",
    ")",
    "{",
    "}",
    "[",
    '"',
    "\\",
    ", ",
    " = ",
    "-1 EINVAL",
    "<unfinished ...>",
    "<... ioctl resumed>",
    "\n",
    "0x",
    "|",
    "A",
    "1 ",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (pieces) => {
      const { calls, lines } = readStrace(pieces.join(""));
      expect(calls.length).toBeLessThanOrEqual(lines + 60);
    }),
  );
});
