import { type Hva, isPageAligned, PAGE_SIZE, pages } from "../addresses.js";
import { hex, type Result, refuse } from "../errno.js";
import { pinUserPages } from "../gup.js";
import type { Host } from "../host.js";
import { unpinUserPage } from "../pin.js";
import type { Task } from "../task.js";

/** PIN_LONGTERM_TEST_FLAG_* */
export const PinLongtermFlag = { useWrite: 1, useFast: 2 } as const;

/**
 * PIN_LONGTERM_TEST_START on /sys/kernel/debug/gup_test (pin_longterm_test_start()): pins the pages of a range as a
 * device that user space hands them to does (FOLL_PIN | FOLL_LONGTERM: VFIO, io_uring, RDMA). One range at a time.
 */
export function pinLongtermTestStart(task: Task, addr: Hva, size: number, flags: number): Result<0> {
  const fn = "pin_longterm_test_start";
  const { host } = task.process;
  if (host.longtermPins.get() !== null) return refuse("EINVAL", fn, "pages are pinned already");
  if ((flags & ~(PinLongtermFlag.useWrite | PinLongtermFlag.useFast)) !== 0)
    return refuse("EINVAL", fn, `flags ${hex(flags)} have unknown bits`);
  if (!isPageAligned(addr) || !isPageAligned(size) || size === 0 || size >= 2 ** 63) {
    return refuse(
      "EINVAL",
      fn,
      `${hex(addr)}, ${hex(size)}`,
      `multiples of ${PAGE_SIZE}, and a size above 0`,
    );
  }
  const pinned = pinUserPages(task, addr, pages(size), {
    write: (flags & PinLongtermFlag.useWrite) !== 0,
    longterm: true,
    // pin_user_pages() is called with mmap_lock, which a fault must not drop; pin_user_pages_fast() without.
    unlockable: (flags & PinLongtermFlag.useFast) !== 0,
  });
  if (typeof pinned === "string") {
    const errno = pinned === "EHWPOISON" ? "EFAULT" : pinned;
    return refuse(errno, fn, `not all pages of ${hex(addr)}-${hex(addr + size)} could be pinned`);
  }
  host.longtermPins.set(pinned);
  return 0;
}

/** PIN_LONGTERM_TEST_STOP (pin_longterm_test_stop()): gives them back, if there are any. */
export function pinLongtermTestStop(host: Host): void {
  for (const page of host.longtermPins.get() ?? []) unpinUserPage(host.frames, page);
  host.longtermPins.set(null);
}
