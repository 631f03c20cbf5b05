import type { Context } from "../context.js";

/** A line on a terminal that is written over and over; nothing where standard error is none. */
export class Progress {
  private shown = 0;

  constructor(private readonly context: Pick<Context, "stderr">) {}

  update(done: number, total: number, what: string): void {
    if (!this.context.stderr.isTty) return;
    const step = Math.max(1, Math.floor(total / 100));
    if (done !== total && done - this.shown < step) return;
    this.shown = done;
    this.context.stderr.write(`\r\x1b[K${done}/${total} ${what}`);
  }

  /** Of what nobody knows how much it will be. */
  count(done: number, what: string): void {
    if (!this.context.stderr.isTty || done === this.shown) return;
    this.shown = done;
    this.context.stderr.write(`\r\x1b[K${done} ${what}`);
  }

  clear(): void {
    if (this.context.stderr.isTty && this.shown > 0) this.context.stderr.write("\r\x1b[K");
    this.shown = 0;
  }
}
