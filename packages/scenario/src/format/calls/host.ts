import { number, orElse, pagesAddress, pagesSize, required } from "../argument.js";
import { call } from "./call.js";

const range = { addr: required(pagesAddress), length: required(pagesSize), stride: orElse(pagesSize, "1p") };

/** What the VMM does through its own mapping of that memory. */
export const hostCalls = {
  none: call("nothing is done; there to carry an observation", {}),
  host_read: call("the VMM reads the first word of each page through its own mapping", range),
  host_write: call("the VMM writes the first word of each page through its own mapping", {
    ...range,
    value: orElse(number, 0x5a5a5a5a),
    value_step: orElse(number, 0),
  }),
} as const;
