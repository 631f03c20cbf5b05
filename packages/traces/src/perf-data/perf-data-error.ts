/** Why a file is not read, or not further: what is wrong, and at which byte. */
export class PerfDataError extends Error {
  override readonly name = "PerfDataError";
  /** Bytes from the start of the file. */
  readonly fileOffset: number;

  constructor(message: string, fileOffset: number) {
    super(`${message} (at byte ${fileOffset})`);
    this.fileOffset = fileOffset;
  }
}
