import type { TracedCall, TracedValue } from "../traced-call.js";

export const number = (value: number | bigint): TracedValue => ({ kind: "number", value: BigInt(value) });
export const text = (value: string): TracedValue => ({ kind: "string", text: `"${value}"` });
export const flags = (...names: string[]): TracedValue => ({ kind: "flags", names, rest: 0n });
export const struct = (fields: Readonly<Record<string, TracedValue>>): TracedValue => ({
  kind: "struct",
  fields: new Map(Object.entries(fields)),
});

/** A trace, line by line. */
export class Trace {
  readonly calls: TracedCall[] = [];
  #pid: number | undefined;

  /** The calls that follow are this thread's. */
  by(pid: number): this {
    this.#pid = pid;
    return this;
  }

  call(name: string, args: readonly TracedValue[], result: bigint | number | string): this {
    const errno = typeof result === "string" ? result : undefined;
    const ret = typeof result === "string" ? undefined : BigInt(result);
    this.calls.push({
      line: this.calls.length + 1,
      name,
      args,
      text: `${name}(${args.map(shown).join(", ")})`,
      pid: this.#pid,
      ret,
      errno,
    });
    return this;
  }

  ioctl(fd: number, request: string, argument: TracedValue, result: bigint | number | string): this {
    return this.call("ioctl", [number(fd), flags(request), argument], result);
  }

  region(fields: Readonly<Record<string, number | string>>, result: number | string): this {
    const { flags: named, ...own } = fields;
    const rest = { slot: 0, guest_phys_addr: 0x8000_0000, memory_size: 0x4000, ...own };
    const values = Object.fromEntries(
      Object.entries(rest).map(([name, value]) => [name, number(Number(value))]),
    );
    const known = struct({ ...values, flags: named === undefined ? number(0) : flags(String(named)) });
    return this.ioctl(5, "KVM_SET_USER_MEMORY_REGION2", known, result);
  }

  mmap(fd: number, result: number | string, kind = "MAP_SHARED"): this {
    const args = [
      number(0),
      number(0x4000),
      flags("PROT_READ", "PROT_WRITE"),
      flags(kind),
      number(fd),
      number(0),
    ];
    return this.call("mmap", args, result);
  }
}

export const RAM = 0x7f00_0000_0000;
export const begun = () => new Trace().ioctl(3, "KVM_CREATE_VM", number(0), 5);
export const gmem = (trace: Trace, ...names: string[]) =>
  trace.ioctl(5, "KVM_CREATE_GUEST_MEMFD", struct({ size: number(0x4000), flags: flags(...names) }), 9);

/** As strace would print it, as far as anybody looks at it. */
function shown(value: TracedValue): string {
  if (value.kind === "flags") return value.names.join("|");
  return value.kind === "string" || value.kind === "text" ? value.text : "...";
}
