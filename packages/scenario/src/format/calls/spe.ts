import { spePolicies, speRecoveries } from "../../spe/spe-policy.js";
import { choice, count, number, orElse, pagesSize, required } from "../argument.js";
import { call } from "./call.js";

/** A guest that profiles itself with Arm SPE. No kernel lets one yet, so that no recording has them. */
export const speCalls = {
  spe_enable: call("the guest starts perf record -e arm_spe, its buffer at a guest physical address", {
    gpa: required(pagesSize),
    length: required(pagesSize),
    period: orElse(count, 1024),
    policy: orElse(choice(...spePolicies), "none"),
    recovery: orElse(choice(...speRecoveries), "driver"),
    seed: orElse(number, 1),
    window: orElse(count, 2000),
  }),
  spe_run: call("the profiled guest executes operations of a synthetic program", {
    operations: required(count),
  }),
  spe_write: call("SPE writes a record to a page of the buffer, once", { page: orElse(number, 0) }),
  spe_disable: call("the guest ends its profile: SPE drains, and perf reads what is left", {}),
} as const;
