import { describe, expect, test } from "vitest";
import { Cell, Srcu, Store, search, WaitError } from "./index.js";

describe("SRCU", () => {
  test("lets a reader see what it had begun to read until it ends, and frees it then", () => {
    const store = new Store();
    const srcu = new Srcu(store, "kvm->srcu");
    const active = new Cell(store, "kvm->memslots", "old");
    const freed = new Cell(store, "freed", false);
    const reader = () => {
      const section = srcu.readLock();
      const slots = active.get();
      const after = freed.get();
      srcu.readUnlock(section);
      if (slots === "old" && after) throw new Error("use after free");
      return slots;
    };
    const updater = () => {
      active.set("new");
      srcu.synchronize();
      freed.set(true);
    };
    const threads = [
      { name: "reader", calls: [reader] },
      { name: "updater", calls: [updater] },
    ];
    const seen = new Set<unknown>();
    const result = search(store, threads, {
      atEnd: ([read]) => {
        seen.add(read![0]);
        return undefined;
      },
    });
    expect(result).toMatchObject({ violations: [], exhaustive: true });
    expect(seen).toEqual(new Set(["old", "new"]));
  });

  test("waits for the readers that began before, and for no later one", () => {
    const store = new Store();
    const srcu = new Srcu(store, "srcu");
    const done = new Cell(store, "done", false);
    const early = new Cell(store, "early reader", "outside");
    const late = new Cell(store, "late reader", "outside");
    let overtaken = false;
    const result = search(
      store,
      [
        {
          name: "early",
          calls: [
            () => {
              const section = srcu.readLock();
              early.set("inside");
              early.set("outside");
              srcu.readUnlock(section);
            },
          ],
        },
        {
          name: "late",
          calls: [
            () => {
              const section = srcu.readLock();
              late.set("inside");
              late.set("outside");
              srcu.readUnlock(section);
            },
          ],
        },
        {
          name: "writer",
          calls: [
            () => {
              if (early.get() !== "inside" || late.get() !== "outside") return;
              srcu.synchronize();
              done.set(true);
            },
          ],
        },
      ],
      {
        check: () => {
          if (!done.peek()) return undefined;
          if (late.peek() === "inside") overtaken = true;
          return early.peek() === "inside" ? "an earlier reader is still inside" : undefined;
        },
      },
    );
    expect(result).toMatchObject({ violations: [], exhaustive: true });
    expect(overtaken).toBe(true);
  });

  test("refuses to wait alone for its own section, and to end a section twice", () => {
    const store = new Store();
    const srcu = new Srcu(store, "srcu");
    const outer = srcu.readLock();
    const inner = srcu.readLock();
    expect(() => srcu.synchronize()).toThrow(WaitError);
    srcu.readUnlock(inner);
    srcu.readUnlock(outer);
    expect(() => srcu.readUnlock(outer)).toThrow("the caller ends an SRCU section of srcu twice");
    srcu.synchronize();
  });

  test("reports an explored task that waits for its own section", () => {
    const store = new Store();
    const srcu = new Srcu(store, "kvm->srcu");
    const call = () => {
      const section = srcu.readLock();
      srcu.synchronize();
      srcu.readUnlock(section);
    };
    expect(search(store, [{ name: "ioctl", calls: [call] }]).violations).toMatchObject([
      { kind: "deadlock", message: "ioctl waits for kvm->srcu" },
    ]);
  });
});
