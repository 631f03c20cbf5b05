import type { Argument } from "../argument.js";
import { activityCalls } from "./activity.js";
import type { CallFormat } from "./call.js";
import { driverCalls } from "./driver.js";
import { fileCalls } from "./file.js";
import { guestCalls } from "./guest.js";
import { hostCalls } from "./host.js";
import { kvmCalls } from "./kvm.js";
import { memoryCalls } from "./memory.js";
import { numaCalls } from "./numa.js";
import { pfncacheCalls } from "./pfncache.js";
import { processCalls } from "./process.js";
import { speCalls } from "./spe.js";
import { userfaultfdCalls } from "./userfaultfd.js";

/** The vocabulary: every call that a scenario may make. */
export const calls = {
  ...guestCalls,
  ...hostCalls,
  ...memoryCalls,
  ...numaCalls,
  ...processCalls,
  ...fileCalls,
  ...userfaultfdCalls,
  ...kvmCalls,
  ...activityCalls,
  ...driverCalls,
  ...pfncacheCalls,
  ...speCalls,
} as const;

export type CallName = keyof typeof calls;

export const callNames = Object.keys(calls) as readonly CallName[];

export function isCallName(name: string): name is CallName {
  return Object.hasOwn(calls, name);
}

/** The format of a call, without the types of its own arguments. */
export function callFormat(name: CallName): CallFormat {
  return calls[name];
}

type Resolved<A> = A extends Argument<infer T> ? T : never;

/** A call's arguments once every expression is evaluated and every one left out has its value. */
export type ResolvedArguments<C extends CallName> = {
  readonly [A in keyof (typeof calls)[C]["args"]]: Resolved<(typeof calls)[C]["args"][A]>;
};
