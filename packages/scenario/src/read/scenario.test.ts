import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { recordedFiles } from "../../test-data/recorded-files.js";
import { InputError } from "./input-error.js";
import type { KnownNames } from "./known.js";
import { findRecording, readRecordings } from "./recordings.js";
import { readScenario } from "./scenario.js";

const known: KnownNames = {
  kernels: ["7.2"],
  isKernel: (name) => name === "7.2" || name.startsWith("7.2."),
  patches: ["gmem-ignore-notifiers-rfc"],
};

const good = `title: A pfncache refresh races with a hole punch
machine: { kernel: "7.2", arch: x86, nodes: 1 }
patches: [gmem-ignore-notifiers-rfc]
steps:
  - { call: KVM_CREATE_GUEST_MEMFD, args: { size: 4p, flags: [GUEST_MEMFD_FLAG_MMAP, GUEST_MEMFD_FLAG_INIT_SHARED] }, as: gmem }
  - { call: mmap, args: { length: 4p, prot: rw, flags: [MAP_SHARED], fd: gmem }, as: ram }
  - { call: KVM_SET_USER_MEMORY_REGION2, args: { slot: 0, flags: [KVM_MEM_GUEST_MEMFD], guest_phys_addr: 0x80000000, memory_size: 4p, userspace_addr: ram, guest_memfd: gmem } }
  - { call: kvm_gpc_activate, args: { gpa: 0x80000000, length: 64 }, as: cache }
concurrently:
  kernel:
    - { call: kvm_gpc_refresh, args: { cache: cache } }
    - { call: kvm_gpc_write, args: { cache: cache } }
  vmm:
    - { call: fallocate, args: { fd: gmem, mode: [FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE], offset: 0, length: 1p } }
expect:
  - { mapped: { slot: 0, pages: [[1, 4]] } }   # optional; the built-in properties always hold
`;

function messageOf(source: string | Uint8Array, file = "s.yaml"): string {
  try {
    readScenario(source, { file, known });
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return "accepted";
}

/** Where the last of these words stands. */
function placeOf(text: string, needle: string | undefined, file = "s.yaml"): string {
  if (needle === undefined) return file;
  const before = text.slice(0, needle === "" ? text.length : text.lastIndexOf(needle)).split("\n");
  return `${file}:${before.length}:${before[before.length - 1]!.length + 1}`;
}

const step = (text: string) => `steps:\n  - ${text}\n`;

test("the scenario of the design is read", () => {
  const scenario = readScenario(good, { file: "s.yaml", known });
  expect(scenario.steps.map(({ call }) => call)).toEqual([
    "KVM_CREATE_GUEST_MEMFD",
    "mmap",
    "KVM_SET_USER_MEMORY_REGION2",
    "kvm_gpc_activate",
  ]);
  expect(scenario.steps[2]?.args?.["guest_phys_addr"]).toBe(0x80000000);
  expect(Object.keys(scenario.concurrently ?? {})).toEqual(["kernel", "vmm"]);
  expect(scenario.expect).toEqual([{ mapped: { slot: 0, pages: [[1, 4]] } }]);
});

test("the same scenario in JSON is the same scenario", () => {
  const scenario = readScenario(good, { file: "s.yaml", known });
  expect(readScenario(JSON.stringify(scenario), { file: "s.json", known })).toEqual(scenario);
  expect(readScenario(JSON.stringify(scenario, null, 2), { file: "-", known })).toEqual(scenario);
});

test("numbers of 64 bits keep every bit, in YAML and in JSON", () => {
  const scenario = readScenario(
    step("{ call: munmap, args: { addr: 0x8000000000000001, length: 18446744073709551615 } }"),
  );
  expect(scenario.steps[0]?.args).toEqual({ addr: 0x8000000000000001n, length: 0xffffffffffffffffn });
  const json = '{"steps":[{"call":"munmap","args":{"addr":9223372036854775809,"length":0}}]}';
  expect(readScenario(json).steps[0]?.args?.["addr"]).toBe(0x8000000000000001n);
});

test("anchors and aliases stand for what they name", () => {
  const text = "steps:\n  - &one { call: munmap, args: { addr: 0, length: 1p } }\n  - *one\n";
  const { steps } = readScenario(text);
  expect(steps[1]).toEqual(steps[0]);
});

describe("a mistake is told with its place and what would be right", () => {
  test.each([
    [
      "an unknown call",
      step("{ call: munmapp, args: { addr: 0, length: 1p } }"),
      "munmapp",
      'steps[0].call: unknown call "munmapp"; did you mean "munmap"?',
    ],
    [
      "an unknown argument",
      step("{ call: munmap, args: { addr: 0, len: 1p } }"),
      "len:",
      'steps[0].args.len: munmap has no argument "len"; munmap takes addr, length',
    ],
    [
      "a missing argument",
      step("{ call: munmap, args: { addr: 0 } }"),
      "{ addr",
      'steps[0].args: munmap needs the argument "length"; it is a size: a number, or an expression such as "16p" or "ram+4p"',
    ],
    [
      "an undefined name, at its place in the expression",
      step('{ call: munmap, args: { addr: "0x1000+raam", length: 1p } }'),
      "raam",
      'steps[0].args.addr: "raam" is not the name of anything so far; names come from an earlier step\'s "as"; known here: kvm, vm, vcpu',
    ],
    [
      "a mistyped name",
      "steps:\n  - { call: mmap, args: { length: 1p, prot: rw, flags: [MAP_PRIVATE, MAP_ANONYMOUS] }, as: ram }\n  - { call: munmap, args: { addr: rma, length: 1p } }\n",
      "rma",
      'steps[1].args.addr: "rma" is not the name of anything so far; did you mean "ram"?',
    ],
    [
      "an unknown flag",
      step("{ call: mmap, args: { length: 1p, prot: rw, flags: [MAP_PRIVAT] } }"),
      "MAP_PRIVAT]",
      'steps[0].args.flags[0]: unknown constant "MAP_PRIVAT"; did you mean "MAP_PRIVATE"?',
    ],
    [
      "an unknown unit",
      step("{ call: munmap, args: { addr: 0, length: 16q } }"),
      "q }",
      'steps[0].args.length: unknown unit "q" in "16q"; units are p (pages), K, M and G',
    ],
    [
      "an unknown kernel",
      'machine: { kernel: "7.3" }\nsteps: []\n',
      '"7.3"',
      'machine.kernel: unknown kernel "7.3"; did you mean "7.2"?',
    ],
    [
      "a kernel that is a number",
      "machine: { kernel: 7.2 }\nsteps: []\n",
      "7.2",
      'machine.kernel: is 7.2; write it in quotes: kernel: "7.2"',
    ],
    [
      "an unknown patch",
      "patches: [gmem-ignore-notifier-rfc]\nsteps: []\n",
      "gmem",
      'patches[0]: unknown patch "gmem-ignore-notifier-rfc"; did you mean "gmem-ignore-notifiers-rfc"?',
    ],
    [
      "an unknown architecture",
      "machine: { arch: arm46 }\nsteps: []\n",
      "arm46",
      'machine.arch: is "arm46"; did you mean "arm64"?',
    ],
    ["an unknown field", "step: []\n", "step", 'step: unknown field; did you mean "steps"?'],
    [
      "no steps",
      "title: nothing\n",
      "title",
      "steps: is missing; fields here: title, machine, patches, steps, concurrently, expect",
    ],
    ["the wrong type", "steps: 3\n", "3", "steps: is 3; it should be a list"],
    [
      "an argument of the wrong type",
      step("{ call: mmap, args: { length: 1p, prot: rw, flags: MAP_PRIVATE } }"),
      "MAP_PRIVATE",
      "steps[0].args.flags: is a string; it should be a list of flags, such as [MAP_FILE]",
    ],
    [
      "a descriptor where an address should be",
      step("{ call: munmap, args: { addr: vm, length: 1p } }"),
      "vm",
      'steps[0].args.addr: "vm" is a descriptor, not an address',
    ],
    ["a key given twice", "steps: []\nsteps: []\n", "steps", "steps: the same key is given twice"],
    [
      "a result that cannot be named",
      step("{ call: munmap, args: { addr: 0, length: 1p }, as: gone }"),
      "gone",
      "steps[0].as: munmap returns nothing that could be named",
    ],
    [
      "a child that is not there",
      step("{ call: exit, task: child }"),
      "child",
      'steps[0].task: "child" is not the name of anything so far; a task comes from fork with "as"',
    ],
    [
      "a name of another thread",
      "steps: []\nconcurrently:\n  a:\n    - { call: dup, args: { fd: vm }, as: twin }\n  b:\n    - { call: close, args: { fd: twin } }\n",
      "twin }",
      'concurrently.b[0].args.fd: "twin" is not the name of anything so far; names come from an earlier step\'s "as"; known here: kvm, vm, vcpu',
    ],
    [
      "broken YAML",
      "steps: [\n",
      "",
      "is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["an empty file", "  \n", undefined, "is empty; a scenario has a list of steps"],
    ["a file of comments", "# nothing\n", undefined, "is empty; it should be a map"],
    ["a list", "- 1\n", "-", "is a list; it should be a map"],
  ])("%s", (_, text, needle, message) => {
    expect(messageOf(text)).toBe(`${placeOf(text, needle)}: ${message}`);
  });

  test("in JSON as well", () => {
    const text = '{\n "steps": [\n  {"call": "munmap", "args": {"addr": "0x1000+raam", "length": "1p"}}]}';
    expect(messageOf(text, "s.json")).toBe(
      `${placeOf(text, "raam", "s.json")}: steps[0].args.addr: "raam" is not the name of anything so far; names come from an earlier step's "as"; known here: kvm, vm, vcpu`,
    );
    expect(messageOf('{"steps": [], "steps": []}', "s.json")).toBe("s.json:1:15: steps: is given twice");
    expect(messageOf('{"steps": [}', "s.json")).toBe(
      's.json:1:12: steps[0]: unexpected "}" where a value should stand',
    );
    expect(messageOf('{"steps": [{"call": 0x10}]}', "s.json")).toBe(
      's.json:1:22: steps[0].call: unexpected "x" in a number; hexadecimal numbers and sizes are strings in JSON: "0x1000", "16p"',
    );
  });

  test("of bytes that are no text", () => {
    expect(messageOf(Uint8Array.of(0x61, 0x0a, 0x62, 0xff))).toBe(
      "s.yaml:2:2: is not UTF-8 text: byte 0xff at offset 3; scenarios are YAML or JSON, recordings JSON Lines",
    );
  });

  test("what a call itself would refuse is no mistake", () => {
    const odd = step("{ call: KVM_CREATE_GUEST_MEMFD, args: { size: 16p+1, flags: [4] }, as: gmem }");
    expect(messageOf(odd)).toBe("accepted");
  });
});

describe("hostile files are refused within bounds", () => {
  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x, x]",
    ..."bcdefghij"
      .split("")
      .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghij"[i]}`).join(", ")}]`),
    "steps: *j",
  ].join("\n");
  test.each([
    ["a bomb of aliases", bomb],
    ["deep brackets", "[".repeat(500_000)],
    ["deep maps", "{a: ".repeat(200_000)],
    ["deep dashes", `${"- ".repeat(100_000)}x`],
    ["deep JSON", `{"steps": ${"[".repeat(100_000)}`],
    ["a long file", `steps: []\n${"# long\n".repeat(200_000)}`],
    ["an alias to itself", "steps: &s\n  - *s\n"],
    ["question marks", `${"? ".repeat(50_000)}x`],
    ["a deep block", Array.from({ length: 900 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
    ["an endless key", `${"k".repeat(300_000)}: 1\n`],
  ])("%s", (_, text) => {
    const start = performance.now();
    expect(messageOf(text)).not.toBe("accepted");
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("nothing but an InputError is thrown", () => {
  const onlyInputErrors = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.message).not.toContain("\n");
    }
  };
  const line = recordedFiles[0]!.text.split("\n")[0]!;

  test("for random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        onlyInputErrors(() => readScenario(bytes, { file: "x", known }));
        onlyInputErrors(() => readRecordings(bytes, "x"));
      }),
      { numRuns: 300 },
    );
  });

  test("for random text made of YAML's own characters", () => {
    const piece = fc.constantFrom(
      ..."-?:,[]{}#&*!|>'\"%@` \n\ta1~<=.".split(""),
      "steps",
      "call",
      "mmap",
      "args",
      "null",
      "!!binary ",
      "<<: ",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        onlyInputErrors(() => readScenario(pieces.join(""), { file: "x", known }));
      }),
      { numRuns: 1000 },
    );
  });

  const mutation = fc.record({
    at: fc.nat(),
    remove: fc.nat(12),
    insert: fc.string({ maxLength: 6, unit: "binary" }),
  });
  const mutated = (text: string, mutations: readonly { at: number; remove: number; insert: string }[]) =>
    mutations.reduce((now, { at, remove, insert }) => {
      const from = at % (now.length + 1);
      return now.slice(0, from) + insert + now.slice(from + remove);
    }, text);

  test("for mutated scenarios", () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        onlyInputErrors(() => readScenario(mutated(good, mutations), { file: "x", known }));
      }),
      { numRuns: 500 },
    );
  });

  test("for mutated recordings", () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        onlyInputErrors(() => readRecordings(mutated(line, mutations), "x"));
      }),
      { numRuns: 500 },
    );
  });

  test("for JSON of any shape", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (steps, observed) => {
        onlyInputErrors(() => readScenario(JSON.stringify({ steps }), { file: "x", known }));
        const record = { id: "x", machine: {}, steps, observed };
        onlyInputErrors(() => readRecordings(JSON.stringify(record), "x"));
      }),
    );
  });
});

describe("recordings", () => {
  const first = recordedFiles.find(({ name }) => name === "7.2.13-arm64/first.jsonl")!.text;

  test("are read line by line", () => {
    const read = readRecordings(first, "first.jsonl");
    expect(read).toHaveLength(45);
    expect(read.map(({ line }) => line)).toEqual(Array.from({ length: 45 }, (_, i) => i + 1));
  });

  test("are picked by id, and a mistyped id is told the nearest", () => {
    const { recording } = findRecording(first, "madvise-dontneed-part@anon", "first.jsonl");
    expect(recording.steps).toHaveLength(recording.observed.length);
    expect(() => findRecording(first, "madvise-dontned-part@anon", "first.jsonl")).toThrow(
      'first.jsonl: has no recording "madvise-dontned-part@anon"; did you mean "madvise-dontneed-part@anon"',
    );
  });

  test("say the line on which a mistake stands", () => {
    const lines = first.split("\n");
    lines[4] = lines[4]!.replace('"call":', '"cal":');
    expect(() => readRecordings(lines.join("\n"), "first.jsonl")).toThrow(
      /^first\.jsonl:5:\d+: steps\[0\]\.cal: unknown field; did you mean "call"\?$/,
    );
  });

  test("have as many observations as steps", () => {
    const record = { id: "x", machine: {}, steps: [{ call: "none" }], observed: [] };
    expect(() => readRecordings(JSON.stringify(record), "r.jsonl")).toThrow(
      /^r\.jsonl:1:\d+: observed: has 0 entries for 1 steps; steps and observed are equally long$/,
    );
  });
});
