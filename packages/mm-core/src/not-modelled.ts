/** The model lacks what a call needs: nothing is said about it, rather than something wrong. */
export class NotModelled extends Error {
  override name = "NotModelled";
  constructor(
    /** The call or the part of it: "ksm_run", "madvise(MADV_FREE)". */
    readonly what: string,
  ) {
    super(`not modelled: ${what}`);
  }
}
