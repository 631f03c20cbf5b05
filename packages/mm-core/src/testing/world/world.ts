import { type Hva, PAGE_SIZE, PMD_PAGES } from "../../addresses.js";
import { type HostAccess, hostAccess } from "../../host-access.js";
import { leafAt, leafPage } from "../../leaf.js";
import type { Mm } from "../../mm.js";
import { fallocate, ftruncate, MemfdFlag, memfdCreate } from "../../syscalls/files.js";
import { exit, fork } from "../../syscalls/fork.js";
import { pinLongtermTestStop } from "../../syscalls/gup-test.js";
import { Madv, madvise } from "../../syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "../../syscalls/mmap.js";
import { uffdioContinue, uffdioCopy, uffdioZeropage } from "../../syscalls/uffdio-fill.js";
import { UffdRegister, uffdioApi, uffdioRegister, userfaultfd } from "../../syscalls/userfaultfd.js";
import type { Task } from "../../task.js";
import { UffdFeature } from "../../userfaultfd/context.js";
import { Machine, ok } from "../machine.js";
import { Audit } from "./audit.js";
import {
  addressOf,
  type FileName,
  isShared,
  KINDS,
  type KindName,
  kindNames,
  kindOf,
  SPOTS,
} from "./kinds-of-memory.js";

/** What spots should read as. What is not there is the file's, of a private mapping, or zero, or missing. */
type Contents = Map<string, number>;

/** A process, with what it should read in memory of its own. */
export interface Actor {
  readonly task: Task;
  readonly own: Contents;
  /** Its userfaultfd is asked for missing pages: not so in a child. */
  readonly isWatched: boolean;
}

/** The most processes there are at a time. */
const PROCESSES = 3;

/** Processes with memory of each kind, and what each of them should read there. */
export class World {
  readonly m: Machine;
  readonly #used: number;
  readonly #hugePages: number;
  readonly fds: Readonly<Record<FileName, number>>;
  readonly audit: Audit;
  readonly actors: Actor[];
  readonly #files: Contents = new Map();
  /** Of write protection without a handler; of missing pages, and of those that are not mapped. */
  readonly wpUffd: number;
  readonly uffd: number;
  /** Where a page is pinned for long, by the first process. */
  private pinned: { readonly kind: KindName; readonly spot: number } | null = null;
  /** Spots of anonymous memory that were written to since they were last asked about. */
  readonly written = new Set<number>();

  constructor(
    /** The memory that there is. */
    readonly kinds: readonly KindName[],
    deafTo: string | null = null,
  ) {
    this.#hugePages = kinds.some((kind) => kindOf(kind).unit === PMD_PAGES) ? 20 : 0;
    this.m = new Machine({ nodeSize: 2 ** 27, hugetlb2M: this.#hugePages });
    this.#used = this.m.used;
    const { task, host } = this.m;
    host.thp.setShmem("advise");
    const memfd = (flags: number, pages: number) => {
      const fd = ok(memfdCreate(task, flags));
      ok(ftruncate(task, fd, pages * PAGE_SIZE));
      return fd;
    };
    this.fds = {
      small: memfd(0, SPOTS),
      huge: memfd(0, KINDS.sharedThp.pages),
      hugetlb: memfd(MemfdFlag.hugetlb, KINDS.sharedHugetlb.pages),
    };
    for (const kind of kinds) this.map(task, kind);
    for (const kind of ["thp", "sharedThp", "privateThp"] as const)
      if (kinds.includes(kind))
        ok(madvise(task, KINDS[kind].start, KINDS[kind].pages * PAGE_SIZE, Madv.hugepage));
    this.wpUffd = ok(userfaultfd(task, 0));
    ok(uffdioApi(task, this.wpUffd, UffdFeature.wpAsync));
    this.uffd = ok(userfaultfd(task, 0));
    ok(uffdioApi(task, this.uffd, 0));
    for (const kind of ["anon", "lazy", "minor"] as const) if (kinds.includes(kind)) this.register(kind);
    this.actors = [{ task, own: new Map(), isWatched: true }];
    // Of huge pages some: those that are touched, and between them.
    const watched = kinds.flatMap((kind) => {
      const { start, pages } = kindOf(kind);
      const stride = pages > SPOTS ? 32 : 1;
      return Array.from({ length: pages / stride }, (_, at) => start + at * stride * PAGE_SIZE);
    });
    this.#takeOwn(this.first);
    this.audit = new Audit(host, watched, deafTo);
    this.audit.listen(task.mm);
  }

  get first(): Actor {
    return this.actors[0]!;
  }

  get mms(): readonly Mm[] {
    return this.actors.map(({ task }) => task.mm);
  }

  /** mmap() of all memory of a kind, at its place. */
  map(task: Task, name: KindName): void {
    const { start, pages, file, isPrivate } = kindOf(name);
    const backing =
      file === undefined
        ? MapFlag.private | MapFlag.anonymous | (name === "hugetlb" ? MapFlag.hugetlb : 0)
        : isPrivate === true
          ? MapFlag.private
          : MapFlag.shared;
    const fd = file === undefined ? -1 : this.fds[file];
    const prot = Prot.read | Prot.write;
    ok(
      mmap(task, {
        addr: start,
        length: pages * PAGE_SIZE,
        prot,
        flags: backing | MapFlag.fixed,
        fd,
        offset: 0,
      }),
    );
  }

  /** The userfaultfd of a kind of memory watches all of it, in the first process. */
  register(kind: "anon" | "lazy" | "minor"): void {
    const { task } = this.m;
    const { start, pages } = KINDS[kind];
    const mode = { anon: UffdRegister.wp, lazy: UffdRegister.missing, minor: UffdRegister.minor }[kind];
    const fd = kind === "anon" ? this.wpUffd : this.uffd;
    ok(uffdioRegister(task, fd, start, pages * PAGE_SIZE, mode));
  }

  actor(number: number): Actor {
    return this.actors[number % this.actors.length]!;
  }

  fork(actor: Actor): void {
    if (this.actors.length === PROCESSES) return;
    const child = { task: fork(actor.task), own: new Map(actor.own), isWatched: false };
    this.audit.listen(child.task.mm);
    this.actors.push(child);
  }

  /** The newest process ends. */
  exit(before: (actor: Actor) => void = () => {}): void {
    if (this.actors.length === 1) return;
    const actor = this.actors.pop()!;
    before(actor);
    exit(actor.task);
  }

  /** What a spot should read as; undefined where a userfaultfd would be asked. */
  expected({ own, isWatched }: Actor, kind: KindName, spot: number): number | undefined {
    const { file } = kindOf(kind);
    const ofFile = file === undefined ? undefined : (this.#files.get(`${file} ${spot}`) ?? 0);
    if (isShared(kind)) return ofFile;
    return own.get(`${kind} ${spot}`) ?? ofFile ?? (kind === "lazy" && isWatched ? undefined : 0);
  }

  #set(actor: Actor, kind: KindName, spot: number, value: number): void {
    if (isShared(kind)) this.#files.set(`${kindOf(kind).file} ${spot}`, value);
    else actor.own.set(`${kind} ${spot}`, value);
  }

  /** A process has what a file has at some spots to itself from here on. */
  keep(actor: Actor, kind: KindName, spots: readonly number[]): void {
    for (const spot of spots) this.#set(actor, kind, spot, this.expected(actor, kind, spot)!);
  }

  /** What one process had to itself at some spots is gone. */
  forget(actor: Actor, kind: KindName, spots: readonly number[]): void {
    if (isShared(kind)) return;
    for (const spot of spots) {
      actor.own.delete(`${kind} ${spot}`);
      if (actor === this.first) this.#unpinned(kind, spot);
    }
    if (kind === "privateHugetlb") this.#takeOwn(actor);
  }

  /**
   * A private mapping of huge pages gets pages of its own by reads as well, where the file has none: so that what it
   * shows does not depend on what was read, all of it is written to before anything else.
   */
  #takeOwn(actor: Actor): void {
    if (!this.kinds.includes("privateHugetlb")) return;
    for (let spot = 0; spot < SPOTS; spot++)
      if (!actor.own.has(`privateHugetlb ${spot}`)) this.write(actor, "privateHugetlb", spot, 9);
  }

  /** What a file had at some spots is gone; with `copies` also what processes made of it for themselves. */
  forgetFile(file: FileName, spots: readonly number[], copies: boolean): void {
    for (const spot of spots) {
      this.#files.delete(`${file} ${spot}`);
      for (const kind of kindNames) {
        if (kindOf(kind).file !== file || (!isShared(kind) && !copies)) continue;
        for (const { own } of this.actors) own.delete(`${kind} ${spot}`);
        this.#unpinned(kind, spot);
      }
    }
    for (const actor of this.actors) this.#takeOwn(actor);
  }

  /** The page that is pinned is not the one of the address any more, by right. */
  #unpinned(kind: KindName, spot: number): void {
    if (this.pinned?.kind === kind && this.pinned.spot === spot) this.pinned = null;
  }

  write(actor: Actor, kind: KindName, spot: number, value: number): void {
    this.#bring(actor, kind, spot, value);
    const done = this.#access(actor, kind, spot, value);
    if (done !== value) throw new Error(`a write to ${kind} ${spot} gave ${JSON.stringify(done)}`);
    this.#set(actor, kind, spot, value);
    if (kind === "anon" && actor === this.first) this.written.add(spot);
  }

  read(actor: Actor, kind: KindName, spot: number): void {
    const expected = this.expected(actor, kind, spot);
    if (expected === undefined) {
      const outcome = hostAccess(actor.task, addressOf(kind, spot));
      if (!("waits" in outcome))
        throw new Error(`${kind} ${spot} is missing, and gives ${JSON.stringify(outcome)}`);
      return;
    }
    const value = this.#access(actor, kind, spot);
    if (value !== expected)
      throw new Error(
        `${actor.task.name} reads ${JSON.stringify(value)} at ${kind} ${spot}, not ${expected}`,
      );
  }

  #access(actor: Actor, kind: KindName, spot: number, value?: number): number | HostAccess {
    const address = addressOf(kind, spot);
    let outcome = hostAccess(actor.task, address, value);
    if ("waits" in outcome && kind === "minor") {
      ok(uffdioContinue(actor.task, this.uffd, address, PAGE_SIZE, 0));
      outcome = hostAccess(actor.task, address, value);
    }
    return "value" in outcome ? outcome.value : outcome;
  }

  /** A page that a userfaultfd is asked for comes: a copy of another, or zeros. */
  #bring(actor: Actor, kind: KindName, spot: number, how: number): void {
    if (this.expected(actor, kind, spot) !== undefined) return;
    const { task } = actor;
    const target = addressOf(kind, spot);
    if (how % 2 === 0) {
      ok(uffdioZeropage(task, this.uffd, target, PAGE_SIZE, 0));
      this.#set(actor, kind, spot, 0);
    } else {
      ok(uffdioCopy(task, this.uffd, target, addressOf("anon", spot), PAGE_SIZE, 0));
      this.#set(actor, kind, spot, this.expected(actor, "anon", spot)!);
    }
    this.read(actor, kind, spot);
  }

  /** UFFDIO_MOVE has taken a page from one place to another. */
  moved(from: KindName, to: KindName, spot: number): void {
    this.#set(this.first, to, spot, this.expected(this.first, from, spot)!);
    this.forget(this.first, from, [spot]);
  }

  readAll(actor: Actor, kinds: readonly KindName[]): void {
    for (const kind of kinds) for (let spot = 0; spot < SPOTS; spot++) this.read(actor, kind, spot);
  }

  /** A page that is pinned for long stays the one that its process has at the address. */
  pinHolds(): string | undefined {
    const { host, task } = this.m;
    if (this.pinned === null) return undefined;
    const { kind, spot } = this.pinned;
    const address: Hva = addressOf(kind, spot);
    this.read(this.first, kind, spot);
    const leaf = leafAt(task.mm, address);
    const [pfn] = host.longtermPins.peek()!;
    const mapped = leaf === null ? null : leafPage(leaf, address);
    return mapped === pfn
      ? undefined
      : `frame ${pfn} is pinned at ${kind} ${spot}, where ${mapped} is mapped`;
  }

  pin(kind: KindName, spot: number): void {
    this.pinned = { kind, spot };
    this.keep(this.first, kind, [spot]);
  }

  unpin(): void {
    pinLongtermTestStop(this.m.host);
    this.pinned = null;
  }

  truncate(file: FileName, pages: number): void {
    ok(ftruncate(this.m.task, this.fds[file], pages * PAGE_SIZE));
  }

  fallocate(file: FileName, mode: number, offset: number, length: number): void {
    ok(fallocate(this.m.task, this.fds[file], mode, offset, length));
  }

  /** All processes end. @returns what is left behind, in a sentence; undefined: nothing */
  end(parentFirst: boolean): string | undefined {
    this.unpin();
    const { host } = this.m;
    const order = parentFirst ? this.actors : this.actors.toReversed();
    for (const { task } of order) {
      exit(task);
      const wrong = this.audit.afterCall();
      if (wrong !== undefined) return wrong;
    }
    host.lru.drain();
    // The huge page of zeros stays, once it was made.
    const left = this.m.used - this.#used - (host.hugeZeroFolio.peek() === 0 ? 0 : 512);
    const [hugetlb] = host.hstates;
    if (left !== 0) return `${left} frames are left`;
    if (host.swap.used() !== 0) return `${host.swap.used()} swap slots are left`;
    if (hugetlb!.freePages !== this.#hugePages || hugetlb!.reservedPages !== 0)
      return `${hugetlb!.freePages} huge pages are free, and ${hugetlb!.reservedPages} reserved`;
    return undefined;
  }
}
