/** A replay took another way than before: the path depends on something that is neither logged nor its argument. */
export class ReplayError extends Error {
  override name = "ReplayError";
}
