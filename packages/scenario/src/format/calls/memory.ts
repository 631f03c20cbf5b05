import { address, constant, descriptor, flags, orElse, protection, required, size } from "../argument.js";
import {
  advices,
  mlock2Flags,
  mlockallFlags,
  mmapFlags,
  mremapFlags,
  msyncFlags,
  pinLongtermFlags,
} from "../constants/mman.js";
import { call } from "./call.js";

const range = { addr: required(address), length: required(size) };

/** System calls on the VMM's address space. */
export const memoryCalls = {
  mmap: call(
    "maps memory or a file",
    {
      addr: orElse(address, 0),
      length: required(size),
      prot: required(protection),
      flags: required(flags(mmapFlags)),
      fd: orElse(descriptor, -1),
      offset: orElse(size, 0),
    },
    { gives: "address" },
  ),
  munmap: call("unmaps a range", range),
  mremap: call(
    "moves or resizes a mapping",
    {
      old_address: required(address),
      old_size: required(size),
      new_size: required(size),
      flags: required(flags(mremapFlags)),
      new_address: orElse(address, 0),
    },
    { gives: "address" },
  ),
  mprotect: call("changes the protection of a range", { ...range, prot: required(protection) }),
  madvise: call("gives advice about a range", { ...range, advice: required(constant(advices)) }),
  mlock: call("locks a range into memory", range),
  munlock: call("unlocks a range", range),
  mlock2: call("locks a range into memory, with flags", { ...range, flags: required(flags(mlock2Flags)) }),
  mlockall: call("locks the whole address space", { flags: required(flags(mlockallFlags)) }),
  munlockall: call("unlocks the whole address space", {}),
  msync: call("writes a mapped file back", { ...range, flags: required(flags(msyncFlags)) }),
  mseal: call("seals a range", { ...range, flags: required(flags({})) }),
  PIN_LONGTERM_TEST_START: call("pins the pages of a range as a device does (debugfs' gup_test)", {
    ...range,
    flags: orElse(flags(pinLongtermFlags), []),
  }),
  PIN_LONGTERM_TEST_STOP: call("gives the pinned pages back", {}),
  mincore: call("asks which pages are in memory", range),
} as const;
