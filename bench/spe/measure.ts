/** One way to go through the same bytes. */
export interface Measured {
  readonly name: string;
  /** CPU seconds, user and system, all threads: the middle one of the runs. */
  readonly cpuSeconds: number;
  /** Seconds on the clock of the same run. */
  readonly wallSeconds: number;
  /** Per CPU second. */
  readonly megabytesPerSecond: number;
  /** Per CPU second. */
  readonly recordsPerSecond: number;
}

/** CPU seconds of this process so far. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * Runs `run` some times, after one run that does not count, and takes the middle one by CPU time, so
 * that other programs matter little. `run` returns CPU seconds if it has them elsewhere than here.
 */
export function measure(
  name: string,
  bytes: number,
  records: number,
  runs: number,
  run: () => number | undefined,
): Measured {
  run();
  const times = Array.from({ length: runs }, () => {
    const start = process.hrtime.bigint();
    const cpu = ownCpuSeconds();
    const elsewhere = run();
    const cpuSeconds = elsewhere ?? ownCpuSeconds() - cpu;
    return { cpuSeconds, wallSeconds: Number(process.hrtime.bigint() - start) / 1e9 };
  }).sort((a, b) => a.cpuSeconds - b.cpuSeconds);
  const time = times[times.length >> 1]!;
  const { cpuSeconds } = time;
  return {
    name,
    ...time,
    megabytesPerSecond: bytes / 1e6 / cpuSeconds,
    recordsPerSecond: records / cpuSeconds,
  };
}
