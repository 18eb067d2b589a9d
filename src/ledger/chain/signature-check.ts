import type { Database } from "better-sqlite3";
import { isSignatureOf, type Signature, signatureRow } from "./sign.ts";
import { Tampered } from "./tampered.ts";

const ALL = `
  SELECT sequence, chain_sequence AS chainSequence, at_ms AS atMs, key_id AS keyId,
    public_key AS publicKey, signature
  FROM signatures ORDER BY sequence`;

/** A key that signed heads, and from which entry to which. */
export interface KeyUse {
  keyId: string;
  signatures: number;
  firstEntry: number;
  lastEntry: number;
}

/** Checks signatures beside a walk through the chain. */
export class SignatureCheck {
  readonly keys: KeyUse[] = [];
  readonly publicKeys = new Map<string, Buffer>();
  #expected: number | undefined;
  #next: Signature | undefined;
  #isBegun = false;
  readonly #rows: Iterator<unknown>;
  readonly #checkpoint: number;
  #count = 0;

  /** @param checkpoint the last entry that was removed; 0 where none was */
  constructor(db: Database, checkpoint: number) {
    this.#checkpoint = checkpoint;
    this.#rows = db.prepare(ALL).iterate();
  }

  get count(): number {
    return this.#count;
  }

  /** The last entry that a signature stands for; 0 where there is none. */
  get lastSigned(): number {
    return this.keys.at(-1)?.lastEntry ?? 0;
  }

  /** All signatures of one entry: those of removed ones are gone with them. @throws Tampered */
  entry(sequence: number, hash: string): void {
    if (!this.#isBegun) this.#advance();
    for (let each = this.#next; each; each = this.#next) {
      if (each.chainSequence > sequence) return;
      if (each.chainSequence < sequence) throw wrong(each, OUT_OF_ORDER);
      if (each.chainSequence === sequence && !isSignatureOf({ sequence, hash }, each))
        throw wrong(each, `it is not a signature of entry ${sequence} by the key that it names`);
      this.#note(each);
      this.#advance();
    }
  }

  /** After the last entry. @throws Tampered where something was signed that is gone */
  finish(): void {
    const left = this.#next;
    if (!left) return;
    throw wrong(left, `it is of entry ${left.chainSequence}, which the chain does not have`);
  }

  /** Lets go of the rows that were not read. */
  close(): void {
    this.#rows.return?.();
  }

  #note({ keyId, chainSequence, publicKey }: Signature): void {
    this.#count += 1;
    this.publicKeys.set(keyId, publicKey);
    const last = this.keys.at(-1);
    if (last?.keyId === keyId) {
      last.signatures += 1;
      last.lastEntry = chainSequence;
      return;
    }
    const [firstEntry, lastEntry] = [chainSequence, chainSequence];
    this.keys.push({ keyId, signatures: 1, firstEntry, lastEntry });
  }

  #advance(): void {
    const { value, done } = this.#rows.next();
    const before = this.#next?.chainSequence ?? 0;
    this.#isBegun = true;
    this.#next = undefined;
    if (done) return;
    const parsed = signatureRow.safeParse(value);
    const sequence = parsed.data?.sequence ?? this.#expected ?? 1;
    // Signatures of removed entries may be gone with them.
    const expected = this.#expected ?? (this.#checkpoint > 0 ? sequence : 1);
    if (!parsed.success) throw missing(expected, "it is none that this program wrote");
    if (sequence > expected) throw missing(expected, "it is missing");
    if (sequence < expected) throw missing(sequence, OUT_OF_ORDER);
    if (parsed.data.chainSequence < before) throw wrong(parsed.data, OUT_OF_ORDER);
    this.#expected = expected + 1;
    this.#next = parsed.data;
  }
}

const OUT_OF_ORDER = "it is out of the order of what was signed";

function missing(row: number, what: string): Tampered {
  return new Tampered({ table: "signatures", row, what });
}

function wrong({ sequence, atMs }: Signature, what: string): Tampered {
  return new Tampered({ table: "signatures", row: sequence, atMs, what });
}
