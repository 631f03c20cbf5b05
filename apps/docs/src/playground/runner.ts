import type { Answer, Request } from "./messages.js";

type Unnumbered<R> = R extends Request ? Omit<R, "id"> : never;

/** Sends requests to a worker. A new request of a kind makes answers to earlier ones of it void. */
export class Runner {
  #worker: Worker | null = null;
  #lastId = 0;
  readonly #listeners = new Map<
    number,
    { readonly kind: Request["kind"]; readonly listen: (answer: Answer) => void }
  >();

  /** `listen` is called for each answer. */
  send(request: Unnumbered<Request>, listen: (answer: Answer) => void): void {
    for (const [id, { kind }] of this.#listeners) if (kind === request.kind) this.#listeners.delete(id);
    const id = ++this.#lastId;
    this.#listeners.set(id, { kind: request.kind, listen });
    this.#start().postMessage({ ...request, id });
  }

  /** Ends whatever is going on, at once. The next request begins with a new worker. */
  cancel(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#listeners.clear();
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) =>
      this.#listeners.get(data.id)?.listen(data),
    );
    this.#worker = worker;
    return worker;
  }
}
