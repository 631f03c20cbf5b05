import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Where Debian's package has it; another one can be given. */
export const chromiumPath = process.env["KVMM_CHROMIUM"] ?? "/usr/bin/chromium";

export const hasChromium = existsSync(chromiumPath);

/** Headless; without the sandbox that Chromium refuses to build as root. */
export function launch(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath: chromiumPath, args: isRoot ? ["--no-sandbox"] : [] });
}

export const viewports = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 390, height: 844 },
} as const;
