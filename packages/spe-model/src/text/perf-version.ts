/**
 * Whose names to use. `perf` renamed and added operations and events in the kernel release cycle of
 * autumn 2025: "7.2" prints as perf 7.2.13 does (names new since 6.19), "6.1" as Debian 12's perf
 * 6.1.187 does.
 */
export type PerfVersion = "7.2" | "6.1";
