import type { Model } from "@kvmm/scenario";
import { describe, expect, test } from "vitest";
import { aRace } from "./a-race.js";
import { kvmm, recordings, replaying, result } from "./fake-context.js";

const first = recordings("7.2.13-arm64/first.jsonl");

describe("--help", () => {
  test.each([["run"], ["conform"], ["review"], ["patches"], ["kernels"], ["scenarios"]])(
    "of %s has examples",
    async (command) => {
      const { status, stdout, stderr } = await kvmm([command, "--help"]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain("Examples:");
      expect(stdout).toContain("--json");
      expect(stdout).toContain("--color <when>");
    },
  );

  test("names every command and the exit statuses", async () => {
    const { status, stdout } = await kvmm(["--help"]);
    expect(status).toBe(0);
    for (const command of ["review", "run", "conform", "patches", "kernels", "scenarios"])
      expect(stdout).toContain(`  ${command}`);
    expect(stdout).toContain("0 holds, 1 does not hold or differs, 2 could not run");
  });

  test("is what no command at all gets, on standard error", async () => {
    const { status, stdout, stderr } = await kvmm([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("Usage: kvmm");
  });
});

describe("conform", () => {
  test("says how many recordings are reproduced", async () => {
    const { status, stdout } = await kvmm(["conform", `${first}#madvise-dontneed-part@anon`]);
    expect(stdout).toBe("1 reproduced, 0 differ, 0 not modelled\n");
    expect(status).toBe(0);
  });

  test("counts a recording with a call that the model lacks as not modelled, and names the call", async () => {
    const { status, stdout } = await kvmm([
      "conform",
      `${recordings("7.2.13-arm64/mm-ksm.jsonl")}#ksm-merge@anon`,
    ]);
    expect(status).toBe(1);
    expect(stdout).toContain("ksm_run (same-page merging is not modelled)");
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("0 reproduced, 0 differ, 1 not modelled");
  });

  test("counts a kernel that is not built in as not modelled, and goes on", async () => {
    const line = '{"id":"x","machine":{"kernel":"6.1"},"steps":[{"call":"none"}],"observed":[{"ret":0}]}\n';
    const { NotBuiltIn } = await import("@kvmm/scenario");
    const model: Model = {
      ...replaying,
      runScenario: (scenario, options) => {
        if (scenario.machine.kernel === "6.1") throw new NotBuiltIn("kernel", "6.1");
        return replaying.runScenario(scenario, options);
      },
    };
    const { stdout } = await kvmm(["conform", "-", "--json"], {
      model,
      stdin: `${line}${line.replace("6.1", "7.2")}`,
    });
    expect(JSON.parse(stdout)).toMatchObject({
      reproduced: 1,
      differ: 0,
      notModelled: 1,
      lacking: [{ id: "x", line: 1, what: "kernel 6.1" }],
    });
  });

  const forgetful: Model = {
    ...replaying,
    runScenario: (scenario, options) => {
      const ran = replaying.runScenario(scenario, options);
      return result(
        scenario,
        ran.observed.map(({ notifiers: _, ...rest }) => rest),
      );
    },
  };

  test("shows the step, both sides, and where the model decided", async () => {
    const { status, stdout } = await kvmm(["conform", `${first}#munmap-part@anon`], { model: forgetful });
    expect(status).toBe(1);
    expect(stdout.replace(first, "first.jsonl")).toMatchInlineSnapshot(`
      "first.jsonl:2 munmap-part@anon differs
        step 4 munmap(addr ram+4p, length 4p): notifiers
          expected   (kernel) unmap ram pages 4-7 (unmap_vmas)
          predicted  (model) nothing
          decided    kvm_unmap_hva_range: slot 0 is in the range

      0 reproduced, 1 differ, 0 not modelled
      "
    `);
  });

  test("has the same in --json", async () => {
    const { status, stdout } = await kvmm(["conform", `${first}#munmap-part@anon`, "--json"], {
      model: forgetful,
    });
    expect(status).toBe(1);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ reproduced: 0, differ: 1, notModelled: 0 });
    expect(document.differences[0]).toMatchObject({
      id: "munmap-part@anon",
      field: "notifiers",
      predicted: [],
      decisions: [{ fn: "kvm_unmap_hva_range", text: "slot 0 is in the range" }],
    });
  });
});

describe("run", () => {
  const scenario = `title: Fails
steps:
  - { call: mmap, args: { length: 4p, prot: rw, flags: [MAP_PRIVATE, MAP_ANONYMOUS] }, as: ram }
  - { call: KVM_SET_USER_MEMORY_REGION2, args: { memory_size: 4p+1, userspace_addr: ram } }
  - { call: vcpu_write, args: { gpa: 0, length: 4p } }
`;
  const model: Model = {
    ...replaying,
    runScenario: (s) =>
      result(
        s,
        [
          { ret: 0 },
          { errno: "EINVAL" },
          {
            ret: 0,
            faults: [{ pages: [[0, 4]], access: "write", kind: "translation" }],
            exits: [{ pages: [[0, 4]], exit: "KVM_EXIT_MMIO" }],
          },
        ],
        {
          steps: [
            { decisions: [] },
            {
              decisions: [],
              refusal: {
                fn: "kvm_set_memory_region",
                reason: "memory_size 0x4001 is not a multiple of the page size",
              },
            },
            { decisions: [] },
          ],
        },
      ),
  };

  test("shows each step with what it returned, why it failed, and what it did", async () => {
    const { status, stdout } = await kvmm(["run", "-"], { model, stdin: scenario });
    expect(status).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "Fails
      kernel 7.2, arm64

      0  mmap(length 4p, prot rw, flags MAP_PRIVATE|MAP_ANONYMOUS) as ram
      1  KVM_SET_USER_MEMORY_REGION2(memory_size 4p+1, userspace_addr ram)
         fails      EINVAL from kvm_set_memory_region: memory_size 0x4001 is not a multiple of the page
                    size
      2  vcpu_write(gpa 0, length 4p)
         fault      write translation pages 0-3
         exit       KVM_EXIT_MMIO pages 0-3

      holds: nothing breaks in the model
      "
    `);
  });

  test("fits a narrow terminal", async () => {
    const { stdout } = await kvmm(["run", "-"], { model, stdin: scenario, columns: 40 });
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(40);
  });

  test("carries observed in --json, one entry for each step", async () => {
    const { stdout } = await kvmm(["run", `${first}#munmap-part@anon`, "--json"]);
    const { observed, verdict, notCovered } = JSON.parse(stdout);
    expect({ verdict, notCovered }).toEqual({ verdict: "holds", notCovered: [] });
    expect(observed).toHaveLength(JSON.parse(stdout).steps.length);
  });

  test("ends with 1 where something breaks, and shows the race in lanes", async () => {
    const breaking: Model = {
      ...replaying,
      runScenario: (s) =>
        result(s, [], {
          verdict: "breaks",
          sentence: "the cache reads a page that was freed",
          violations: [
            {
              property: "use-after-free",
              text: "kvm_gpc_write wrote to a freed page",
              why: "Nobody told the cache.",
              race: aRace,
            },
          ],
        }),
    };
    const wide = await kvmm(["run", "-"], { model: breaking, stdin: "steps: []" });
    expect(wide.status).toBe(1);
    expect(wide.stdout).toMatchInlineSnapshot(`
      "kernel 7.2, arm64

      at first: pfn 0x40003: 2 references
      kernel vmm
       *      |   hva_to_pfn_retry(): kvm->mmu_invalidate_seq is 4
       |      *   -- kernel is preempted
       |      |   truncate_inode_pages_range(): pfn 0x40003: free
       |      *   kvm_handle_hva_range(): slot 0 overlaps, and is ignored
       *      |   -- goes wrong here
       |      |   kvm_gpc_write(): pfn 0x40003 is free
      use-after-free: kvm_gpc_write wrote to a freed page
      Nobody told the cache.
      3 steps, 1 preemption, the fewest there can be. 4 rows stand for them; kvmm run --all-steps shows
      everything.

      breaks: the cache reads a page that was freed
      "
    `);
    const narrow = await kvmm(["run", "-"], { model: breaking, stdin: "steps: []", columns: 40 });
    for (const line of narrow.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(40);
  });

  test("ends with 2 where a call is not modelled", async () => {
    const { status, stderr } = await kvmm(["run", "-"], {
      stdin: "steps: [{ call: ksm_run, args: { full_scans: 1 } }]",
    });
    expect(status).toBe(2);
    expect(stderr).toBe("kvmm: not modelled: ksm_run; what follows from it cannot be said\n");
  });
});

describe("colour", () => {
  const esc = "\u001b[";
  test("is on a terminal, unless NO_COLOR or --color never says otherwise", async () => {
    const args = ["conform", `${first}#munmap-part@anon`];
    expect((await kvmm(args, { tty: true })).stdout).toContain(esc);
    expect((await kvmm(args)).stdout).not.toContain(esc);
    expect((await kvmm(args, { tty: true, env: { NO_COLOR: "1" } })).stdout).not.toContain(esc);
    expect((await kvmm([...args, "--color", "never"], { tty: true })).stdout).not.toContain(esc);
    expect((await kvmm([...args, "--color", "always"])).stdout).toContain(esc);
  });
});

test("progress is shown on a terminal only", async () => {
  const args = ["conform", first];
  expect((await kvmm(args)).stderr).toBe("");
  expect((await kvmm(args, { tty: true })).stderr).toContain("45/45 recordings");
});

test("all recordings of first.jsonl are reproduced by a model that replays them", async () => {
  const { status, stdout } = await kvmm(["conform", first]);
  const last = stdout.trimEnd().split("\n").at(-1);
  expect(last).toMatch(/^\d+ reproduced, 0 differ, \d+ not modelled$/);
  expect(status === 0).toBe(last === "45 reproduced, 0 differ, 0 not modelled");
});

describe("lists", () => {
  test.each([
    ["kernels", "7.2"],
    ["patches", "gmem-ignore-notifiers-rfc"],
  ])("%s names what is built in", async (command, name) => {
    expect((await kvmm([command])).stdout).toContain(name);
    const document = JSON.parse((await kvmm([command, "--json"])).stdout);
    expect(document[command].map((entry: { name: string }) => entry.name)).toContain(name);
  });

  test("scenarios has an origin for each", async () => {
    const { scenarios } = JSON.parse((await kvmm(["scenarios", "--json"])).stdout);
    for (const { origin } of scenarios) expect(origin).not.toBe("");
  });
});
