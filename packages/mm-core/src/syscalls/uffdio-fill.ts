import type { Hva } from "../addresses.js";
import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import type { Task } from "../task.js";
import type { Userfaultfd } from "../userfaultfd/context.js";
import { mfillAtomic } from "../userfaultfd/mfill.js";
import type { Filled, Mfill } from "../userfaultfd/mfill-state.js";
import { movePrivatePages } from "../userfaultfd/move.js";
import { initialised, refuseRange, refuseUnalignedRange } from "./userfaultfd.js";

/** UFFDIO_COPY_MODE_*, UFFDIO_CONTINUE_MODE_*; of UFFDIO_ZEROPAGE_MODE_* and UFFDIO_POISON_MODE_* the first. */
export const UffdFill = { dontwake: 1, wp: 2 } as const;
/** UFFDIO_MOVE_MODE_* */
export const UffdMove = { dontwake: 1, allowSrcHoles: 2 } as const;

/** What an ioctl returns that did `bytes` of `length`: whoever waited within them is woken. */
function finished(
  ctx: Userfaultfd,
  start: Hva,
  length: number,
  { bytes, refusal }: Filled,
  wakes: boolean,
): Result<0> {
  if (bytes === 0 && refusal !== undefined) return refusal;
  if (wakes) ctx.wake(start, bytes);
  if (bytes === length) return 0;
  return refuse(
    "EAGAIN",
    "userfaultfd_ioctl",
    `${hex(bytes)} of ${hex(length)} bytes are done; then: ${refusal}`,
  );
}

/** mmget_not_zero() */
function refuseGone({ mm }: Userfaultfd): Refusal | undefined {
  if (mm.users.get() > 0) return undefined;
  return refuse("ESRCH", "userfaultfd_ioctl", "the process whose memory it is has exited");
}

/** An ioctl that fills a range: the checks that all of them make, and the filling. */
function fill(
  task: Task,
  fd: number,
  what: {
    readonly fn: string;
    readonly start: Hva;
    readonly length: number;
    readonly mode: number;
    readonly modes: number;
  },
  how: Pick<Mfill, "mode" | "source">,
): Result<0> {
  const ctx = initialised(task, fd);
  if (isRefusal(ctx)) return ctx;
  const { fn, start, length, mode, modes } = what;
  const refused =
    (how.mode === "copy" ? refuseUnalignedRange(ctx.mm.host, how.source, length) : undefined) ??
    refuseRange(ctx, start, length);
  if (refused !== undefined) return refused;
  if ((mode & ~modes) !== 0) return refuse("EINVAL", fn, `mode ${hex(mode)} has unknown bits`);
  const gone = refuseGone(ctx);
  if (gone !== undefined) return gone;
  const writeProtect = (mode & modes & UffdFill.wp) !== 0;
  const filled = mfillAtomic({ task, ctx, start, length, writeProtect, ...how });
  return finished(ctx, start, length, filled, (mode & UffdFill.dontwake) === 0);
}

/** UFFDIO_COPY: userfaultfd_copy() */
export function uffdioCopy(
  task: Task,
  fd: number,
  dst: Hva,
  src: Hva,
  length: number,
  mode: number,
): Result<0> {
  const what = { fn: "userfaultfd_copy", start: dst, length, mode, modes: UffdFill.dontwake | UffdFill.wp };
  return fill(task, fd, what, { mode: "copy", source: src });
}

/** UFFDIO_ZEROPAGE: userfaultfd_zeropage() */
export function uffdioZeropage(task: Task, fd: number, start: Hva, length: number, mode: number): Result<0> {
  const what = { fn: "userfaultfd_zeropage", start, length, mode, modes: UffdFill.dontwake };
  return fill(task, fd, what, { mode: "zeropage", source: 0 });
}

/** UFFDIO_CONTINUE: userfaultfd_continue() */
export function uffdioContinue(task: Task, fd: number, start: Hva, length: number, mode: number): Result<0> {
  const what = { fn: "userfaultfd_continue", start, length, mode, modes: UffdFill.dontwake | UffdFill.wp };
  return fill(task, fd, what, { mode: "continue", source: 0 });
}

/** UFFDIO_POISON: userfaultfd_poison() */
export function uffdioPoison(task: Task, fd: number, start: Hva, length: number, mode: number): Result<0> {
  const what = { fn: "userfaultfd_poison", start, length, mode, modes: UffdFill.dontwake };
  return fill(task, fd, what, { mode: "poison", source: 0 });
}

/** UFFDIO_WAKE: userfaultfd_wake() */
export function uffdioWake(task: Task, fd: number, start: Hva, length: number): Result<0> {
  const ctx = initialised(task, fd);
  if (isRefusal(ctx)) return ctx;
  const range = refuseRange(ctx, start, length);
  if (range !== undefined) return range;
  ctx.wake(start, length);
  return 0;
}

/** UFFDIO_MOVE: userfaultfd_move() */
export function uffdioMove(
  task: Task,
  fd: number,
  dst: Hva,
  src: Hva,
  length: number,
  mode: number,
): Result<0> {
  const fn = "userfaultfd_move";
  const ctx = initialised(task, fd);
  if (isRefusal(ctx)) return ctx;
  if (ctx.mm !== task.mm) return refuse("EINVAL", fn, "the userfaultfd is of another process's memory");
  const range = refuseRange(ctx, dst, length) ?? refuseRange(ctx, src, length);
  if (range !== undefined) return range;
  if ((mode & ~(UffdMove.dontwake | UffdMove.allowSrcHoles)) !== 0) {
    return refuse("EINVAL", fn, `mode ${hex(mode)}`, "UFFDIO_MOVE_MODE_DONTWAKE, _ALLOW_SRC_HOLES");
  }
  const gone = refuseGone(ctx);
  if (gone !== undefined) return gone;
  const allowHoles = (mode & UffdMove.allowSrcHoles) !== 0;
  const moved = movePrivatePages({ ctx, target: dst, source: src, length, allowHoles });
  return finished(ctx, dst, length, moved, (mode & UffdMove.dontwake) === 0);
}
