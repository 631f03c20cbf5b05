import { laneRows, type Observation, type RunResult, type Violation } from "@kvmm/scenario";
import { computed, onBeforeUnmount, onMounted, ref, shallowRef, watch } from "vue";
import { exampleOf, fromHash, type SharedState, toHash } from "../share/state.js";
import { exampleNamed, firstExample } from "./examples.js";
import type { Opened, Problem, Ran } from "./messages.js";
import { Runner } from "./runner.js";
import { scenarioText } from "./scenario-text.js";

/** Everything that the playground knows; its parts show it and change it. */
export function usePlayground() {
  const runner = new Runner();
  const checker = new Runner();

  const text = ref(scenarioText(firstExample.scenario));
  /** Empty: what the scenario says, or the newest. */
  const kernel = ref("");
  const arch = ref("");
  const patches = ref<string[]>([]);
  const step = ref(0);
  const lane = ref(0);

  const ran = shallowRef<Ran>();
  const explored = shallowRef<RunResult>();
  const problem = shallowRef<Problem>();
  const state = ref<"idle" | "running" | "exploring" | "cancelled">("idle");
  /** States that the exploration has looked at. */
  const states = ref(0);
  /** Seconds that it has taken. */
  const seconds = ref(0);
  /** The recordings of a file that was opened. */
  const opened = shallowRef<readonly Opened[]>([]);
  const recorded = shallowRef<readonly Observation[]>();

  const result = computed(() => explored.value ?? ran.value?.result);
  const counterexample = computed((): Violation | undefined =>
    explored.value?.violations.find(({ race }) => race !== undefined),
  );
  const stateAt = (at: number) => {
    const inspection = ran.value?.inspection;
    if (inspection == null) return undefined;
    return at === 0 ? inspection.before : inspection.steps[at - 1]?.after;
  };
  const now = computed(() => stateAt(step.value));
  const before = computed(() => (step.value === 0 ? undefined : stateAt(step.value - 1)));

  let clock: ReturnType<typeof setInterval> | undefined;
  function tick(on: boolean): void {
    clearInterval(clock);
    seconds.value = 0;
    states.value = 0;
    if (on) clock = setInterval(() => seconds.value++, 1000);
  }

  /** Where to be once it has run; what a link says outlives the runs that its own changes cause. */
  let wanted: { step?: number; lane?: number } = {};

  function run(): void {
    if (state.value === "exploring") runner.cancel();
    state.value = "running";
    problem.value = undefined;
    const request = {
      kind: "run",
      text: text.value,
      kernel: kernel.value,
      arch: arch.value,
      patches: [...patches.value],
    } as const;
    runner.send(request, (answer) => {
      switch (answer.kind) {
        case "problem":
          problem.value = answer.problem;
          ran.value = undefined;
          explored.value = undefined;
          state.value = "idle";
          tick(false);
          break;
        case "ran": {
          const count = answer.ran.inspection?.steps.length ?? 0;
          ran.value = answer.ran;
          explored.value = undefined;
          step.value = Math.min(wanted.step ?? step.value, count);
          delete wanted.step;
          state.value = answer.threads ? "exploring" : "idle";
          tick(answer.threads);
          break;
        }
        case "exploring":
          states.value = answer.states;
          break;
        case "explored":
          explored.value = answer.result;
          lane.value = Math.min(wanted.lane ?? Number.MAX_SAFE_INTEGER, rowCount(counterexample.value));
          delete wanted.lane;
          state.value = "idle";
          tick(false);
          break;
      }
    });
  }

  function cancel(): void {
    runner.cancel();
    tick(false);
    state.value = "cancelled";
  }

  /** Takes another scenario, and shows its last step. */
  function load(scenario: string, observed?: readonly Observation[]): void {
    text.value = scenario;
    recorded.value = observed;
    wanted = { step: Number.MAX_SAFE_INTEGER };
    run();
  }

  async function open(file: File): Promise<void> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    runner.send({ kind: "open", name: file.name, bytes }, (answer) => {
      if (answer.kind === "problem") problem.value = answer.problem;
      if (answer.kind !== "opened") return;
      opened.value = answer.opened;
      const [first] = answer.opened;
      if (first !== undefined) load(first.text, first.observed);
    });
  }

  /** Mistakes, as the editor asks for them. */
  function check(of: string): Promise<Problem | undefined> {
    return new Promise((resolve) => {
      checker.send({ kind: "check", text: of }, (answer) =>
        resolve(answer.kind === "problem" ? answer.problem : undefined),
      );
    });
  }

  const shared = computed(
    (): SharedState => ({
      text: text.value,
      ...(kernel.value === "" ? {} : { kernel: kernel.value }),
      ...(arch.value === "" ? {} : { arch: arch.value }),
      ...(patches.value.length === 0 ? {} : { patches: [...patches.value] }),
      step: step.value,
      ...(lane.value === 0 ? {} : { lane: lane.value }),
    }),
  );
  let ownHash = "";
  watch(shared, async (now) => {
    if (ran.value === undefined && problem.value === undefined) return;
    ownHash = `#${await toHash(now)}`;
    history.replaceState(history.state, "", ownHash);
  });

  async function followLink(): Promise<void> {
    const hash = location.hash;
    if (hash === ownHash && hash !== "") return;
    const link = await fromHash(hash);
    recorded.value = undefined;
    if (link !== undefined) {
      text.value = link.text;
      kernel.value = link.kernel ?? "";
      arch.value = link.arch ?? "";
      patches.value = [...(link.patches ?? [])];
      wanted = {
        step: link.step ?? Number.MAX_SAFE_INTEGER,
        ...(link.lane === undefined ? {} : { lane: link.lane }),
      };
      run();
      return;
    }
    const example = exampleNamed(exampleOf(hash) ?? "") ?? firstExample;
    load(scenarioText(example.scenario));
  }

  onMounted(() => {
    void followLink();
    addEventListener("hashchange", followLink);
  });
  onBeforeUnmount(() => {
    removeEventListener("hashchange", followLink);
    runner.cancel();
    checker.cancel();
    tick(false);
  });
  watch([kernel, arch, patches], () => run());

  return {
    text,
    kernel,
    arch,
    patches,
    step,
    lane,
    ran,
    explored,
    problem,
    state,
    seconds,
    states,
    opened,
    recorded,
    result,
    counterexample,
    now,
    before,
    run,
    cancel,
    load,
    open,
    check,
  };
}

export type Playground = ReturnType<typeof usePlayground>;

function rowCount(violation: Violation | undefined): number {
  return violation?.race === undefined ? 0 : laneRows(violation.race).length;
}
