import type { Hva } from "../addresses.js";
import { uffdioApi, uffdioRegister, userfaultfd } from "../syscalls/userfaultfd.js";
import { type Machine, ok } from "./machine.js";

/** A userfaultfd that is told of a range of the machine's memory. @returns its descriptor */
export function watch(m: Machine, start: Hva, length: number, mode: number, features = 0): number {
  const fd = ok(userfaultfd(m.task, 0));
  ok(uffdioApi(m.task, fd, features));
  ok(uffdioRegister(m.task, fd, start, length, mode));
  return fd;
}
