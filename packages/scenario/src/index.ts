export { builtIn } from "./built-in.js";
export { census, censusCounts } from "./census/census.js";
export type { CensusRow, SiteStatus } from "./census/row.js";
export { type CompareOptions, compare, type Recorded } from "./compare/compare.js";
export type { Difference } from "./compare/difference.js";
export { sameSite } from "./compare/site.js";
export {
  type ConformDifference,
  type ConformGroup,
  type ConformInput,
  type ConformOptions,
  type ConformResult,
  type Counts,
  conform,
  type Lacking,
  type Outcome,
  type RecordResult,
} from "./conform/conform.js";
export { explainCalls } from "./explain/explain-calls.js";
export {
  type ExplainedTrace,
  explainTrace,
  type TraceDifference,
  type TracedMap,
  type TracedRefusal,
} from "./explain/explain-trace.js";
export type { ExplainedCall, ExplainedCalls, WhyRefused } from "./explain/explained.js";
export type { MappedSlot, MemoryMap } from "./explain/memory-map.js";
export type { TracedCall, TracedValue } from "./explain/traced-call.js";
export type { Argument, ArgumentType, ArgumentValue } from "./format/argument.js";
export type { CallFormat } from "./format/calls/call.js";
export {
  type CallName,
  callFormat,
  callNames,
  calls,
  isCallName,
  type ResolvedArguments,
} from "./format/calls/index.js";
export { type Errno, errnos } from "./format/constants/errno.js";
export {
  type Environment,
  type Expression,
  ExpressionError,
  evaluate,
  type ParsedExpression,
  parseExpression,
} from "./format/expression.js";
export { type JsonSchema, scenarioJsonSchema } from "./format/json-schema.js";
export { type Architecture, architectures, type Machine } from "./format/machine.js";
export type { NameKind } from "./format/names.js";
export { didYouMean, nearest } from "./format/nearest.js";
export type {
  Access,
  ExitObservation,
  Fate,
  FaultKind,
  FaultObservation,
  FrameObservation,
  NotifierEvent,
  NotifierObservation,
  Observation,
  ObservationField,
  Prediction,
  SignalObservation,
  SpeObservation,
  Stage2Entry,
} from "./format/observation.js";
export { type PageList, type PageRange, type PageSet, toPageList, toPageSet } from "./format/page-list.js";
export { type Recording, toScenario } from "./format/recording.js";
export { resolveArguments } from "./format/resolve.js";
export { type Expectation, patchesOf, type Scenario, type SlotPages } from "./format/scenario.js";
export type { Step } from "./format/step.js";
export type { Change } from "./inspect/changes.js";
export type { FileView } from "./inspect/files.js";
export type { HostPageView } from "./inspect/host-pages.js";
export { type InspectedStep, type Inspection, inspectScenario } from "./inspect/inspect-scenario.js";
export type { MemslotSetView, MemslotView } from "./inspect/memslots.js";
export type { Bounded, Snapshot } from "./inspect/snapshot.js";
export type { SpeView } from "./inspect/spe.js";
export type { Stage2EntryView, Stage2View } from "./inspect/stage2.js";
export type { VmaView } from "./inspect/vmas.js";
export type { Behaviour } from "./kernels/behaviour.js";
export { type Kernel, kernelInWords, kernelOf, kernels, newestKernel } from "./kernels/kernels.js";
export { hostOperations, type LibraryScenario, library } from "./library/library.js";
export { type MemoryKind, memoryKinds } from "./library/memory-kinds.js";
export { type Operation, type OperationGroup, operationGroups } from "./library/operations/operation.js";
export { type RaceScenario, races } from "./library/races.js";
export { speRaces } from "./library/spe-races.js";
export { type MatrixCell, type MatrixOptions, type MatrixResult, matrix } from "./matrix/matrix.js";
export {
  type Decision,
  type Exploration,
  type Exploring,
  type Model,
  NotBuiltIn,
  type NotModelled,
  type Refusal,
  type ReplayRace,
  type ReplayResult,
  type RunOptions,
  type RunResult,
  type RunScenario,
  type StepResult,
  type Verdict,
  type Violation,
} from "./model.js";
export { type BehaviourChange, definePatch, type Patch, patchProblem } from "./patches/define-patch.js";
export { patches, patchOf } from "./patches/patches.js";
export { type LaneRow, type LaneRowOptions, laneRows } from "./race/lane-rows.js";
export type { RaceAccess, RaceStep, RaceTrace, SavedRace } from "./race/race-trace.js";
export { changeInWords, initiallyInWords, rowInWords } from "./race/row-words.js";
export { InputError } from "./read/input-error.js";
export { isPatchFile, type KnownNames, namesKnownTo } from "./read/known.js";
export { findRecording, type RecordingLine, readRecordings } from "./read/recordings.js";
export { readSavedRace, type SavedRun } from "./read/saved-race.js";
export { type ReadOptions, readScenario } from "./read/scenario.js";
export { renderDifference } from "./render/difference.js";
export {
  renderExit,
  renderFault,
  renderField,
  renderNotifier,
  renderObservation,
} from "./render/observation.js";
export { renderPages } from "./render/pages.js";
export { renderArgument, renderStep } from "./render/step.js";
export type { Effect } from "./review/effect.js";
export type { Evidence } from "./review/evidence.js";
export { type NumaAnswer, numaAnswer } from "./review/numa-answer.js";
export type { RaceOutcome, RaceRow } from "./review/race-row.js";
export {
  type ReviewFinding,
  type ReviewOptions,
  type ReviewPart,
  type ReviewResult,
  type ReviewRow,
  review,
} from "./review/review.js";
export type { SpeAnswer, SpeWay } from "./review/spe-answer.js";
export { replayRace, runScenario } from "./run/run-scenario.js";
export { type SpeMemory, speMemories } from "./spe/guest-memory.js";
export type { ProfileFigures } from "./spe/guest-profile.js";
export { type HostActivity, hostActivities } from "./spe/host-activity.js";
export {
  type SpeSimulation,
  type SpeSimulationOptions,
  simulateSpe,
} from "./spe/simulate-spe.js";
export { type SpePolicy, type SpeRecovery, spePolicies, speRecoveries } from "./spe/spe-policy.js";
export { type SpeSweepOptions, type SpeSweepRow, sweepSpe } from "./spe/sweep-spe.js";
