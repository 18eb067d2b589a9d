import { sanitize } from "../../model/text.ts";
import type { Notice } from "../thread/protocol.ts";

/** Different things that are told: whoever finds more has seen the pattern. */
const MAX_TOLD = 64;

/** Tells each thing once. Texts may hold words of observed users: they are escaped. */
export class OnceTold {
  readonly #told = new Set<string>();
  readonly #tell: ((notice: Notice) => void) | undefined;

  constructor(tell: ((notice: Notice) => void) | undefined) {
    this.#tell = tell;
  }

  tell(text: string, hint: string): void {
    const safe = sanitize(text, 512);
    if (this.#told.has(safe) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(safe);
    this.#tell?.({ text: safe, hint });
  }
}
