import type { AnchorLine } from "./anchor-lines.ts";
import { isSignatureOf } from "./sign.ts";
import { Tampered } from "./tampered.ts";

/** Compares anchored heads with the chain, beside a walk through it. */
export class AnchorCheck {
  checked = 0;
  /** Of entries that retention has removed. */
  notCheckable = 0;
  lastSequence = 0;
  readonly #left: AnchorLine[];

  /** @param anchors by sequence */
  constructor(anchors: readonly AnchorLine[]) {
    this.#left = [...anchors].reverse();
  }

  /** @throws Tampered where an anchor has another hash for that entry */
  entry(sequence: number, hash: string): void {
    for (let each = this.#left.at(-1); each; each = this.#left.at(-1)) {
      if (each.sequence > sequence) return;
      if (each.sequence < sequence) this.notCheckable += 1;
      else if (each.hash === hash) this.checked += 1;
      else throw wrong(each, `line ${each.line} of the anchors has another hash for it`);
      this.lastSequence = each.sequence;
      this.#left.pop();
    }
  }

  /** After the last entry. @throws Tampered where one was anchored that is gone */
  finish(head: number): void {
    const [each] = this.#left.slice(-1);
    if (each)
      throw wrong(
        each,
        `line ${each.line} of the anchors names it, but the chain ends with entry ${head}`,
      );
  }
}

/** Whether the line was signed by the key that it names, where the ledger knows that. */
export function isGenuine(
  anchor: AnchorLine,
  publicKeys: ReadonlyMap<string, Buffer>,
): boolean | undefined {
  const publicKey = publicKeys.get(anchor.keyId);
  if (!publicKey) return undefined;
  const signature = Buffer.from(anchor.signature, "base64");
  const { atMs, keyId } = anchor;
  return isSignatureOf(anchor, { atMs, keyId, publicKey, signature });
}

function wrong({ sequence, atMs }: AnchorLine, what: string): Tampered {
  return new Tampered({ table: "chain", row: sequence, entry: sequence, atMs, what });
}
