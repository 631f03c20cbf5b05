export { add, Cell } from "./cell.js";
export { hashOf, mix, OpaqueError } from "./hash.js";
export { HeldLocks, Lock, LockError, Mutex, RwLock, RwSemaphore, SpinLock } from "./lock.js";
export { type Entry, Ordered } from "./ordered.js";
export {
  type SearchOptions,
  type SearchResult,
  type Step,
  search,
  type Thread,
  type Violation,
} from "./search.js";
export { type Guard, GuardError, Kind, Shared, WHOLE } from "./shared.js";
export { Sparse } from "./sparse.js";
export { Srcu } from "./srcu.js";
export { type Mark, Store, type TraceEvent } from "./store.js";
export {
  type Access,
  AGAIN,
  type Call,
  independent,
  LivelockError,
  type Pending,
  type Position,
  ReplayError,
  repeat,
  Suspendable,
} from "./suspend.js";
export { WaitError, WaitQueue } from "./wait-queue.js";
export { Words } from "./words.js";
