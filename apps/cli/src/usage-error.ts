/** A command that was given wrongly, or could not run. Its message is one line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
