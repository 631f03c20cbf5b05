export { type Access, independent, type Pending } from "./access.js";
export { add, Cell } from "./cell.js";
export type {
  Counterexample,
  KindName,
  Shown,
  TraceAccess,
  TraceChange,
  TraceStep,
  Watch,
  Watched,
  WatchedChange,
} from "./explore/counterexample.js";
export type { Exploration, ExploredViolation, ExploreOptions, Method } from "./explore/exploration.js";
export { explore } from "./explore/explore.js";
export type { Properties, ViolationKind } from "./explore/judge.js";
export type { BoundName, Bounds } from "./explore/limits.js";
export { MAX_THREADS, type Thread } from "./explore/program.js";
export { type Replay, type Replayable, type ReplayOptions, replay } from "./explore/replay.js";
export { hashOf, mix, OpaqueError } from "./hash.js";
export { nameFunctions, nameMethods } from "./kernel-names.js";
export { HeldLocks, Lock, LockError, Mutex, RwLock, RwSemaphore, SpinLock } from "./lock.js";
export { type Entry, Ordered } from "./ordered.js";
export type { Position } from "./position.js";
export { AGAIN, LivelockError, repeat } from "./repeat.js";
export { ReplayError } from "./replay-error.js";
export {
  type SearchOptions,
  type SearchResult,
  type Step,
  search,
  type Violation,
} from "./search.js";
export { type Guard, GuardError, Kind, OPAQUE, Shared, WHOLE } from "./shared-object.js";
export { Sparse } from "./sparse.js";
export { Srcu } from "./srcu.js";
export { type Delta, type Mark, Store, type TraceEvent } from "./store.js";
export { type Call, Suspendable } from "./suspend.js";
export { WaitError, WaitQueue } from "./wait-queue.js";
export { Words } from "./words.js";
