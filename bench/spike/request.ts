import {
  type Cell,
  Kind,
  type RwLock,
  type RwSemaphore,
  type Shared,
  type SpinLock,
  type Srcu,
  type Words,
} from "@kvmm/interleave";

/** A path as a generator: it yields each access before it is made, and is given what the access returned. */
export type Path<T> = Generator<Request, T, unknown>;

type Op =
  | "read"
  | "write"
  | "increase"
  | "readWord"
  | "writeWord"
  | "lock"
  | "unlock"
  | "readLock"
  | "readUnlock"
  | "writeLock"
  | "writeUnlock"
  | "enterSrcu"
  | "leaveSrcu"
  | "enterLoop"
  | "retryLoop";

/** The access that a generator asks for. One object for all of them, so that none is allocated. */
export interface Request {
  op: Op;
  object: Shared | null;
  kind: Kind;
  key: number;
  value: number;
}

const request: Request = { op: "read", object: null, kind: Kind.Read, key: 0, value: 0 };

function ask(op: Op, object: Shared | null, kind: Kind, key: number, value: number): Request {
  request.op = op;
  request.object = object;
  request.kind = kind;
  request.key = key;
  request.value = value;
  return request;
}

type Rw = RwLock | RwSemaphore;

export const read = (cell: Cell<number>) => ask("read", cell, Kind.Read, 0, 0);
export const write = (cell: Cell<number>, value: number) => ask("write", cell, Kind.Write, 0, value);
export const increase = (cell: Cell<number>, by: number) => ask("increase", cell, Kind.Write, 0, by);
export const readWord = (words: Words, index: number) => ask("readWord", words, Kind.Read, index, 0);
export const writeWord = (words: Words, index: number, value: number) =>
  ask("writeWord", words, Kind.Write, index, value);
export const lock = (spin: SpinLock) => ask("lock", spin, Kind.Acquire, 0, 0);
export const unlock = (spin: SpinLock) => ask("unlock", spin, Kind.Release, 0, 0);
export const readLock = (rw: Rw) => ask("readLock", rw, Kind.AcquireShared, 0, 0);
export const readUnlock = (rw: Rw) => ask("readUnlock", rw, Kind.Release, 1, 0);
export const writeLock = (rw: Rw) => ask("writeLock", rw, Kind.Acquire, 0, 0);
export const writeUnlock = (rw: Rw) => ask("writeUnlock", rw, Kind.Release, 0, 0);
export const enterSrcu = (srcu: Srcu) => ask("enterSrcu", srcu, Kind.Write, 0, 0);
export const leaveSrcu = (srcu: Srcu, section: number) => ask("leaveSrcu", srcu, Kind.Release, 0, section);
/** A retry loop begins, and begins another round: what the round observed is forgotten. */
export const enterLoop = () => ask("enterLoop", null, Kind.Read, 0, 0);
export const retryLoop = () => ask("retryLoop", null, Kind.Read, 0, 0);

/** Makes the access that was asked for. */
export function perform({ op, object, key, value }: Request): number | undefined {
  switch (op) {
    case "read":
      return (object as Cell<number>).get();
    case "write":
      (object as Cell<number>).set(value);
      return undefined;
    case "increase": {
      const cell = object as Cell<number>;
      const sum = cell.peek() + value;
      cell.set(sum);
      return sum;
    }
    case "readWord":
      return (object as Words).get(key);
    case "writeWord":
      (object as Words).set(key, value);
      return undefined;
    case "lock":
      (object as SpinLock).lock();
      return undefined;
    case "unlock":
      (object as SpinLock).unlock();
      return undefined;
    case "readLock":
      (object as Rw).readLock();
      return undefined;
    case "readUnlock":
      (object as Rw).readUnlock();
      return undefined;
    case "writeLock":
      (object as Rw).writeLock();
      return undefined;
    case "writeUnlock":
      (object as Rw).writeUnlock();
      return undefined;
    case "enterSrcu":
      return (object as Srcu).readLock();
    case "leaveSrcu":
      (object as Srcu).readUnlock(value);
      return undefined;
    default:
      return undefined;
  }
}

/** Runs a path alone: every access is made as soon as it is asked for. */
export function runAlone<T>(path: Path<T>): T {
  let next = path.next();
  while (!next.done) next = path.next(perform(next.value));
  return next.value;
}
