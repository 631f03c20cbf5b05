import { Driver } from "../driver.js";
import type { Bindings } from "../outcome.js";

export const driverBindings = {
  mmu_notifier_register: ({ store, vmm: { mm } }) => {
    const driver = store.create(() => new Driver(store, "driver"));
    mm.mmapLock.writeLock();
    mm.notifiers.update((all) => [driver, ...all]);
    mm.mmapLock.writeUnlock();
    return {};
  },
} satisfies Bindings;
