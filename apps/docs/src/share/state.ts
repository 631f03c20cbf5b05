/** Everything that a link to the playground carries. */
export interface SharedState {
  /** The scenario, as it is written. */
  readonly text: string;
  readonly kernel?: string;
  readonly arch?: string;
  readonly patches?: readonly string[];
  /** The step that is shown; 0 is before the first. */
  readonly step?: number;
  /** The step of the counterexample that is shown. */
  readonly lane?: number;
}

/** The part of a link behind `#`. */
export async function toHash(state: SharedState): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  return `s=${toBase64Url(await pipe(bytes, new CompressionStream("deflate-raw")))}`;
}

/** What a hash carries; undefined where it is none of ours, or damaged. */
export async function fromHash(hash: string): Promise<SharedState | undefined> {
  const packed = new URLSearchParams(hash.replace(/^#/, "")).get("s");
  if (packed === null) return undefined;
  try {
    const bytes = await pipe(fromBase64Url(packed), new DecompressionStream("deflate-raw"));
    return checked(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

/** The built-in scenario that a link names: `#example=munmap-all@gmem`. */
export function exampleOf(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, "")).get("example") ?? undefined;
}

/** Larger states are not taken from a link. */
const MOST_BYTES = 1 << 20;

async function pipe(
  bytes: Uint8Array<ArrayBuffer>,
  through: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const reader = new Blob([bytes]).stream().pipeThrough(through).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length;
    if (size > MOST_BYTES) throw new RangeError("the link is too large");
    parts.push(read.value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function toBase64Url(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) =>
    letter.charCodeAt(0),
  );
}

/** Links come from anywhere: only what has the right form is taken. */
function checked(value: unknown): SharedState | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { text, kernel, arch, patches, step, lane } = value as Record<string, unknown>;
  if (typeof text !== "string") return undefined;
  const isCount = (n: unknown): n is number => typeof n === "number" && Number.isInteger(n) && n >= 0;
  return {
    text,
    ...(typeof kernel === "string" ? { kernel } : {}),
    ...(typeof arch === "string" ? { arch } : {}),
    ...(Array.isArray(patches) ? { patches: patches.filter((name) => typeof name === "string") } : {}),
    ...(isCount(step) ? { step } : {}),
    ...(isCount(lane) ? { lane } : {}),
  };
}
