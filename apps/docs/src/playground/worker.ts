// The model, away from the page: a scenario that takes its time, or never ends, leaves the page alive.
import {
  architectures,
  builtIn,
  InputError,
  inspectScenario,
  NotBuiltIn,
  namesKnownTo,
  readRecordings,
  readScenario,
  runScenario,
  toScenario,
} from "@kvmm/scenario";
import type { Answer, Opened, Problem, Ran, Request } from "./messages.js";
import { scenarioText } from "./scenario-text.js";

const known = namesKnownTo(builtIn);
const answer = (message: Answer) => postMessage(message);

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  try {
    handle(data);
  } catch (error) {
    answer({ id: data.id, kind: "problem", problem: problemOf(error) });
  }
});

function handle(request: Request): void {
  const { id } = request;
  switch (request.kind) {
    case "check":
      readScenario(request.text, { file: "scenario", known });
      answer({ id, kind: "fine" });
      break;
    case "run":
      run(request);
      break;
    case "open":
      answer({ id, kind: "opened", opened: open(request.name, request.bytes) });
      break;
  }
}

function run({ id, text, kernel, arch, patches }: Extract<Request, { kind: "run" }>): void {
  const scenario = readScenario(text, { file: "scenario", known });
  const wantedArch = architectures.find((name) => name === arch);
  const machine = {
    ...(kernel === "" ? {} : { kernel }),
    ...(wantedArch === undefined ? {} : { arch: wantedArch }),
  };
  const options = { ...machine, patches };
  const { concurrently, ...steps } = scenario;
  const result = runScenario(steps, options);
  const ran: Ran = {
    scenario,
    result,
    inspection: inspectScenario(steps, options),
    ...(patches.length === 0 ? {} : { unpatched: runScenario(steps, machine).observed }),
  };
  const threads = concurrently !== undefined && result.notModelled.length === 0;
  answer({ id, kind: "ran", ran, threads });
  if (!threads) return;
  const onStates = (states: number) => answer({ id, kind: "exploring", states });
  answer({ id, kind: "explored", result: runScenario(scenario, { ...options, onStates }) });
}

function open(name: string, bytes: Uint8Array): readonly Opened[] {
  const isRecording =
    /\.jsonl$/i.test(name) || /^\s*\{\s*"id"\s*:/.test(new TextDecoder().decode(bytes.slice(0, 4096)));
  if (!isRecording) return [{ name, text: asText(bytes, name) }];
  return readRecordings(bytes, name).map(({ recording }) => ({
    name: recording.id,
    text: scenarioText({ title: recording.id, ...toScenario(recording) }),
    observed: recording.observed,
  }));
}

/** YAML stays as its author wrote it; what else is a scenario is written anew. */
function asText(bytes: Uint8Array, name: string): string {
  const scenario = readScenario(bytes, { file: name, known });
  const text = new TextDecoder().decode(bytes);
  return /^\s*\{/.test(text) ? scenarioText(scenario) : text;
}

function problemOf(error: unknown): Problem {
  if (error instanceof InputError) {
    const { problem, hint, field, line, column } = error;
    const what = field === undefined || field === "" ? problem : `${field}: ${problem}`;
    return { text: hint === undefined ? what : `${what}; ${hint}`, line, column };
  }
  if (error instanceof NotBuiltIn) return { text: error.message };
  return { text: `the model failed: ${error instanceof Error ? error.message : String(error)}` };
}
