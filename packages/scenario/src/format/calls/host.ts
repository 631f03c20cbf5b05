import { address, number, orElse, required, size } from "../argument.js";
import { call } from "./call.js";

const range = { addr: required(address), length: required(size), stride: orElse(size, "1p") };

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
