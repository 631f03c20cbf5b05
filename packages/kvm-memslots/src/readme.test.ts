import { readFileSync } from "node:fs";
import { Store } from "@kvmm/interleave";
import { Host, MapFlag, mmap, munmap, PAGE_SIZE, Prot } from "@kvmm/mm-core";
import { expect, test } from "vitest";
import {
  createVcpu,
  guestAccess,
  type Kvm,
  KvmModule,
  referenceArchitecture,
  setMemoryRegion2,
} from "./index.js";

test("the README's lines do what they say", () => {
  const host = new Host(new Store());
  const vmm = host.spawn("vmm");
  const kvm = new KvmModule(host, { architecture: referenceArchitecture() }).createVm(vmm) as Kvm;
  const vcpu = createVcpu(kvm, vmm, 0);

  const [gpa, ram, size] = [0x8000_0000, 0x2000_0000_0000, 16 * PAGE_SIZE];
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  mmap(vmm, { addr: ram, length: size, prot: Prot.read | Prot.write, flags, fd: -1, offset: 0 });
  setMemoryRegion2(kvm, vmm, { slot: 0, guestPhysAddr: gpa, memorySize: size, userspaceAddr: ram });

  const faults = [{ access: "write", kind: "translation" }];
  expect(guestAccess(vcpu, gpa, "write", 7)).toEqual({ faults, value: 7 });
  munmap(vmm, ram, size);
  expect(guestAccess(vcpu, gpa, "read").exit).toEqual({ errno: "EFAULT" });

  const overlap = { slot: 1, guestPhysAddr: gpa, memorySize: PAGE_SIZE, userspaceAddr: ram };
  expect(String(setMemoryRegion2(kvm, vmm, overlap))).toContain(
    "EEXIST: kvm_check_memslot_overlap: gfn 0x80000 to 0x80001 overlaps slot 0 (gfn 0x80000 to 0x80010, ",
  );
});

test("the README shows these lines", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const here = readFileSync(new URL(import.meta.url), "utf8");
  const block = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  const code = block.split("\n").map((line) => line.replace(/;? *\/\/.*$/, "").trim());
  // Calls whose results the test looks at are wrapped in expect(); the rest stands there as it is.
  const missing = code.filter((line) => !here.includes(line.replace(/;$/, "")));
  expect(missing).toEqual([]);
});
