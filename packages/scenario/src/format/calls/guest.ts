import { number, orElse, pagesSize, required } from "../argument.js";
import { call } from "./call.js";

const range = { gpa: required(pagesSize), length: required(pagesSize), stride: orElse(pagesSize, "1p") };

/** What the guest does to its memory. */
export const guestCalls = {
  vcpu_read: call("the guest reads the first word of each page, in order", range),
  vcpu_write: call("the guest writes the first word of each page, in order", {
    ...range,
    value: orElse(number, 0x5a5a5a5a),
    value_step: orElse(number, 0),
  }),
  vcpu_exec: call("the guest calls the first word of each page", range),
} as const;
