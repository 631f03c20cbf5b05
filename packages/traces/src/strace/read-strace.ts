import { parseStraceValue, type StraceValue, splitStraceList } from "./strace-value.js";

/** A system call that strace saw. */
export interface StraceCall {
  /** Where it returned, or where it began if it never did; counted from 1. */
  readonly line: number;
  /** The thread, where strace says so (-f). */
  readonly pid: number | undefined;
  /** `ioctl` */
  readonly name: string;
  readonly args: readonly StraceValue[];
  /** As it stands in the file, without pid and time. */
  readonly text: string;
  /** What it returned; both undefined: it never did, or strace could not tell. */
  readonly ret: bigint | undefined;
  /** `EINVAL` */
  readonly errno: string | undefined;
}

/** A line that is no call, as far as this reader can see. */
export interface StraceProblem {
  readonly line: number;
  readonly problem: string;
}

export interface Strace {
  readonly calls: readonly StraceCall[];
  readonly problems: readonly StraceProblem[];
  readonly lines: number;
}

export interface StraceOptions {
  /** Calls that are kept at most; default a million. */
  readonly mostCalls?: number;
}

/** Characters of a line that are looked at. */
const LONGEST_LINE = 1 << 20;
/** Problems that are told one by one. */
const MOST_PROBLEMS = 100;

/** pid as -f and -ff print it, time as -t, -tt, -ttt and -r do. */
const PREFIX = /^(?:\[pid\s+(\d+)\]\s+|(\d+)\s+(?=\S))?(?:\d+:\d+:\d+(?:\.\d+)?\s+|\d+\.\d+\s+)?/;
const RESUMED = /^<\.\.\. (\w+) resumed>\s?([\s\S]*)$/;
/** What follows the arguments: a number, `?`, `-1 EINVAL (Invalid argument)`, and with -T the time that it took. */
const RESULT = /^\s*=\s*(0x[0-9a-f]+|-?\d+|\?)(?:<[^>]*>)?(?:\s+(E[A-Z0-9]+))?/;

/**
 * Reads what strace has printed: calls with their arguments and results, a call that other threads interrupt put
 * together again. Signals and exits are passed over; a line that makes no sense is a problem, and reading goes on.
 */
export function readStrace(text: string, { mostCalls = 1_000_000 }: StraceOptions = {}): Strace {
  const reader = new Reader(mostCalls);
  let line = 0;
  let begin = 0;
  while (begin < text.length && !reader.isFull) {
    const found = text.indexOf("\n", begin);
    const end = found < 0 ? text.length : found;
    line++;
    if (end - begin > LONGEST_LINE) reader.problem(line, `is longer than ${LONGEST_LINE} characters`);
    else reader.line(text.slice(begin, end).replace(/\r$/, ""), line);
    begin = end + 1;
  }
  reader.end();
  return { calls: reader.calls, problems: reader.problems, lines: line };
}

class Reader {
  readonly calls: StraceCall[] = [];
  readonly problems: StraceProblem[] = [];
  /** By thread: a call that has begun. */
  readonly #begun = new Map<number | undefined, { readonly text: string; readonly line: number }>();

  constructor(private readonly mostCalls: number) {}

  get isFull(): boolean {
    return this.calls.length >= this.mostCalls;
  }

  problem(line: number, problem: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push({ line, problem });
  }

  line(text: string, line: number): void {
    const [prefix = "", bracketed, bare] = PREFIX.exec(text) ?? [];
    const digits = bracketed ?? bare;
    const pid = digits === undefined ? undefined : Number(digits);
    const rest = text.slice(prefix.length).trimEnd();
    if (rest === "" || rest.startsWith("---") || rest.startsWith("+++") || rest.startsWith("strace: "))
      return;

    const [, resumed, tail = ""] = RESUMED.exec(rest) ?? [];
    if (resumed !== undefined) {
      const begun = this.#begun.get(pid);
      this.#begun.delete(pid);
      if (begun === undefined) this.problem(line, `${resumed} is resumed that did not begin`);
      else this.#call(`${begun.text}${tail}`, pid, line);
    } else if (rest.endsWith("<unfinished ...>")) {
      this.#begun.set(pid, { text: rest.slice(0, -"<unfinished ...>".length).trimEnd(), line });
    } else this.#call(rest, pid, line);
  }

  /** Calls that never returned. */
  end(): void {
    for (const [pid, { text, line }] of this.#begun) if (!this.isFull) this.#call(`${text}) = ?`, pid, line);
    if (this.isFull)
      this.problem(this.calls.at(-1)?.line ?? 1, `only the first ${this.mostCalls} calls are read`);
  }

  #call(text: string, pid: number | undefined, line: number): void {
    const name = /^([a-z_][a-z0-9_]*)\(/i.exec(text)?.[1];
    const end = name === undefined ? -1 : closing(text, name.length);
    if (name === undefined || end < 0) {
      this.problem(line, `is no system call: ${text.slice(0, 60)}`);
      return;
    }
    const [, result, errno] = RESULT.exec(text.slice(end + 1)) ?? [];
    if (result === undefined) {
      this.problem(line, `${name} has no result`);
      return;
    }
    const args = splitStraceList(text.slice(name.length + 1, end)).map((part) => parseStraceValue(part));
    const failed = errno !== undefined && result === "-1";
    const ret = failed || result === "?" ? undefined : BigInt(result);
    this.calls.push({ line, pid, name, args, text, ret, errno: failed ? errno : undefined });
  }
}

/** Where the bracket that opens at `open` is closed, or -1. */
function closing(text: string, open: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = open; at < text.length; at++) {
    const char = text[at]!;
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if ("([{".includes(char)) depth++;
    else if (")]}".includes(char) && --depth === 0) return at;
  }
  return -1;
}
