import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { docs } from "../src/generate/workspace.js";

export const dist = `${docs}.vitepress/dist`;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".png": "image/png",
};

export interface Site {
  /** With the base path, and a slash at its end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** The built site as a plain file server has it, under its base path. */
export async function serve(base = "/kvmm/"): Promise<Site> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = path.startsWith(base) ? fileOf(path.slice(base.length)) : undefined;
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  const port = await listening(server);
  return {
    url: `http://127.0.0.1:${port}${base}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function fileOf(path: string): string | undefined {
  const inside = normalize(`/${path}`);
  const candidates = [inside, `${inside}.html`, join(inside, "index.html")].map((each) => `${dist}${each}`);
  return candidates.find((file) => existsSync(file) && statSync(file).isFile());
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
