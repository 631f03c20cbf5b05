import { doExit } from "../exit.js";
import { dupMmap } from "../fork.js";
import { Mm } from "../mm.js";
import { Process, Task } from "../task.js";

/** fork(2), kernel_clone(): a child with a copy of the address space and of the descriptors. */
export function fork(task: Task): Task {
  const { host } = task.process;
  const name = `${task.name}'s child`;
  const mm = host.store.create(() => new Mm(host, `${name}->mm`));
  dupMmap(task, mm);
  return spawn(task, name, mm);
}

/** vfork(2): the child uses the parent's own address space until it exits. */
export function vfork(task: Task): Task {
  task.mm.users.update((users) => users + 1);
  return spawn(task, `${task.name}'s child`, task.mm);
}

/** copy_files(), copy_mm() and what else copy_process() does that is modelled. */
function spawn(task: Task, name: string, mm: Mm): Task {
  const { host } = task.process;
  const pid = host.nextPid();
  const cpu = task.cpu.get();
  const child = host.store.create(() => new Task(new Process(host, name, pid, mm), name, pid, cpu));
  const files = task.process.files.get();
  for (const file of files) file?.get();
  child.process.files.set(files);
  child.mempolicy.set(task.mempolicy.get());
  return child;
}

/** exit_group(2), by the only thread of a process. */
export function exit(task: Task): void {
  doExit(task.process);
}
