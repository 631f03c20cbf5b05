import { type Hva, PAGE_SIZE, pageAlignDown } from "../addresses.js";
import { type Result, refuse } from "../errno.js";
import { getUserPage } from "../gup.js";
import { unpinUserPage } from "../pin.js";
import type { Task } from "../task.js";

/** The word that a copy of unknown contents leaves behind. */
const COPIED = 0;

/**
 * process_vm_readv(2), process_vm_writev(2) on one range of `task`'s memory: process_vm_rw_single_vec() pins its pages. What is written is zeros: the contents
 * that the caller has are not modelled.
 * @returns bytes copied: up to the first page that cannot be had
 */
export function processVmRw(task: Task, addr: Hva, length: number, write: boolean): Result<number> {
  const { frames, hasCrossMemoryAttach } = task.process.host;
  if (!hasCrossMemoryAttach)
    return refuse("ENOSYS", "sys_process_vm_readv", "the kernel is built without CONFIG_CROSS_MEMORY_ATTACH");
  let done = 0;
  while (done < length) {
    const at = addr + done;
    const page = getUserPage(task, pageAlignDown(at), { write, pin: true });
    if (typeof page === "string") {
      if (done > 0) return done;
      return refuse("EFAULT", "process_vm_rw_single_vec", `the page at ${at.toString(16)} cannot be had`);
    }
    if (write && at % PAGE_SIZE === 0) frames.word.set(page, COPIED);
    unpinUserPage(frames, page);
    done += Math.min(length - done, PAGE_SIZE - (at % PAGE_SIZE));
  }
  return done;
}

/**
 * pwrite(2) to /proc/PID/mem: mem_rw() with FOLL_FORCE, which also writes where the mapping forbids it.
 * @returns bytes written
 */
export function writeProcMem(task: Task, addr: Hva, length: number): Result<number> {
  const { frames } = task.process.host;
  let done = 0;
  while (done < length) {
    const at = addr + done;
    const page = getUserPage(task, pageAlignDown(at), { write: true, force: true });
    if (typeof page === "string") {
      if (done > 0) return done;
      return refuse("EIO", "mem_rw", `the page at ${at.toString(16)} cannot be had`);
    }
    if (at % PAGE_SIZE === 0) frames.word.set(page, COPIED);
    frames.put(page);
    done += Math.min(length - done, PAGE_SIZE - (at % PAGE_SIZE));
  }
  return done;
}
