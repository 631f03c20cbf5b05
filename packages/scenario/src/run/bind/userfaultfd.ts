import {
  pagemapScan,
  uffdioApi,
  uffdioContinue,
  uffdioCopy,
  uffdioMove,
  uffdioPoison,
  uffdioRegister,
  uffdioUnregister,
  uffdioWake,
  uffdioWriteprotect,
  uffdioZeropage,
  userfaultfd,
} from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { count, int, named, unsigned, zero } from "../results.js";

export const userfaultfdBindings = {
  userfaultfd: (_world, task, { flags }) => named(userfaultfd(task, unsigned(flags))),
  UFFDIO_API: (_world, task, { on, features }) => zero(uffdioApi(task, int(on), unsigned(features))),
  UFFDIO_REGISTER: (_world, task, { on, addr, length, mode }) =>
    zero(uffdioRegister(task, int(on), unsigned(addr), unsigned(length), unsigned(mode))),
  UFFDIO_UNREGISTER: (_world, task, { on, addr, length }) =>
    zero(uffdioUnregister(task, int(on), unsigned(addr), unsigned(length))),
  UFFDIO_WRITEPROTECT: (_world, task, { on, addr, length, mode }) =>
    zero(uffdioWriteprotect(task, int(on), unsigned(addr), unsigned(length), unsigned(mode))),
  UFFDIO_COPY: (_world, task, { on, addr, length, src, mode }) =>
    zero(uffdioCopy(task, int(on), unsigned(addr), unsigned(src), unsigned(length), unsigned(mode))),
  UFFDIO_ZEROPAGE: (_world, task, { on, addr, length, mode }) =>
    zero(uffdioZeropage(task, int(on), unsigned(addr), unsigned(length), unsigned(mode))),
  UFFDIO_CONTINUE: (_world, task, { on, addr, length, mode }) =>
    zero(uffdioContinue(task, int(on), unsigned(addr), unsigned(length), unsigned(mode))),
  UFFDIO_POISON: (_world, task, { on, addr, length, mode }) =>
    zero(uffdioPoison(task, int(on), unsigned(addr), unsigned(length), unsigned(mode))),
  UFFDIO_MOVE: (_world, task, { on, addr, length, src, mode }) =>
    zero(uffdioMove(task, int(on), unsigned(addr), unsigned(src), unsigned(length), unsigned(mode))),
  UFFDIO_WAKE: (_world, task, { on, addr, length }) =>
    zero(uffdioWake(task, int(on), unsigned(addr), unsigned(length))),
  PAGEMAP_SCAN: (_world, task, { addr, length, flags, category_mask, return_mask, vec_len }) =>
    count(
      pagemapScan(task, {
        start: unsigned(addr),
        length: unsigned(length),
        flags: unsigned(flags),
        categoryMask: unsigned(category_mask),
        returnMask: unsigned(return_mask),
        vecLen: unsigned(vec_len),
      }),
    ),
} satisfies Bindings;
