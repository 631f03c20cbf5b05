/** What a PERF_RECORD_AUX says: a range of the AUX stream, and what was wrong with it. */
export interface AuxNote {
  /** Bytes from the start of the stream. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly truncated: boolean;
  readonly partial: boolean;
  readonly collision: boolean;
}

/** An open session of writing: `struct perf_output_handle`. */
export interface AuxHandle {
  /** Where it stands in the stream: bytes. */
  head: number;
  /** Bytes of room. */
  size: number;
  /** Where userspace wants to be woken: bytes. */
  wakeup: number;
  truncated: boolean;
  partial: boolean;
  collision: boolean;
}

/**
 * The ring that the kernel fills and perf empties (kernel/events/ring_buffer.c). Offsets only grow;
 * what they are modulo the size is the place in the buffer. No overwrite (snapshot) mode.
 */
export class AuxRing {
  /** Bytes, a power of two. */
  readonly size: number;
  readonly watermark: number;
  #head = 0;
  #tail = 0;
  #wakeup = 0;
  #woken = false;

  /**
   * @param size - bytes, a power of two.
   * @param watermark - bytes after which to wake up userspace; default half the size.
   */
  constructor(size: number, watermark = size / 2) {
    this.size = size;
    this.watermark = Math.min(watermark, size);
  }

  /** Bytes that hardware and padding have filled so far. */
  get head(): number {
    return this.#head;
  }

  /** Bytes that userspace has taken so far. */
  get tail(): number {
    return this.#tail;
  }

  /** Userspace is to be woken up. */
  get woken(): boolean {
    return this.#woken;
  }

  /** Stands for perf_aux_output_begin(): undefined if there is no room. */
  begin(): AuxHandle | undefined {
    const used = this.#head - this.#tail;
    // One byte stays free, or full would look like empty.
    const size = used < this.size ? this.size - used - 1 : 0;
    if (size === 0) {
      this.#woken = true;
      return undefined;
    }
    const wakeup = this.#wakeup + this.watermark;
    return { head: this.#head, size, wakeup, truncated: false, partial: false, collision: false };
  }

  /** Stands for perf_aux_output_skip(). */
  skip(handle: AuxHandle, size: number): void {
    this.#head += size;
    if (this.#needWakeup()) {
      this.#woken = true;
      handle.wakeup = this.#wakeup + this.watermark;
    }
    handle.head = this.#head;
    handle.size -= size;
  }

  /** Stands for perf_aux_output_end(): the note for userspace, if there is something to say. */
  end(handle: AuxHandle, size: number): AuxNote | undefined {
    const { truncated, partial, collision } = handle;
    const offset = this.#head;
    this.#head += size;
    if (this.#needWakeup() || truncated) this.#woken = true;
    if (size === 0 && !truncated && !partial && !collision) return undefined;
    return { offset, size, truncated, partial, collision };
  }

  /** Userspace takes all there is: from where, and how many bytes. */
  take(): { readonly offset: number; readonly size: number } {
    const taken = { offset: this.#tail, size: this.#head - this.#tail };
    this.#tail = this.#head;
    this.#woken = false;
    return taken;
  }

  #needWakeup(): boolean {
    if (this.#head - this.#wakeup < this.watermark) return false;
    this.#wakeup = Math.floor(this.#head / this.watermark) * this.watermark;
    return true;
  }
}
