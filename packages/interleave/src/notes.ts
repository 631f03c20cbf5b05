import type { Access } from "./access.js";
import { OPAQUE, type Shared } from "./shared-object.js";

/** What the last step of a task depended on, noted for an explorer that wants to make it again without running it. */
export class Notes {
  /** Objects and keys whose state it looked at, and their digests from before the step. */
  readonly objects: Shared[] = [];
  readonly keys: number[] = [];
  readonly digests: unknown[] = [];
  /** What it peeked at, which is no access. */
  readonly peeked: Access[] = [];
  /** It touched what has no digest, or created what cannot be created again. */
  isOpaque = false;

  clear(): void {
    this.objects.length = this.keys.length = this.digests.length = this.peeked.length = 0;
    this.isOpaque = false;
  }

  /** Notes the state of an object, or of a key of it, as it is when it is looked at first. */
  look(object: Shared, key: number): void {
    const { objects, keys } = this;
    const at = object.keyed ? key : 0;
    for (let i = objects.length - 1; i >= 0; i--) if (objects[i] === object && keys[i] === at) return;
    const digest = object.digest(at);
    if (digest === OPAQUE) this.isOpaque = true;
    objects.push(object);
    keys.push(at);
    this.digests.push(digest);
  }
}
