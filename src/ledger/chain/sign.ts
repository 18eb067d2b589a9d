import { createPublicKey, sign, verify } from "node:crypto";
import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { ChainHead, SignedHead } from "../contract.ts";
import { chainHead } from "./head.ts";
import { keyIdOf, type NodeKey } from "./key.ts";

/** A signature as the ledger keeps it. */
export interface Signature {
  sequence: number;
  chainSequence: number;
  atMs: number;
  keyId: string;
  /** SubjectPublicKeyInfo in DER. */
  publicKey: Buffer;
  signature: Buffer;
}

const NEWEST = `
  SELECT sequence, chain_sequence AS chainSequence, at_ms AS atMs, key_id AS keyId,
    public_key AS publicKey, signature
  FROM signatures ORDER BY sequence DESC LIMIT 1`;

const INSERT = `
  INSERT INTO signatures (chain_sequence, at_ms, key_id, public_key, signature)
  VALUES (@chainSequence, @atMs, @keyId, @publicKey, @signature)`;

const bytes = z.instanceof(Buffer);

export const signatureRow: z.ZodType<Signature> = z.object({
  sequence: z.int(),
  chainSequence: z.int(),
  atMs: z.int(),
  keyId: z.string(),
  publicKey: bytes,
  signature: bytes,
});

/** What is signed: the head, its place, and when that was. */
export function signedText({ sequence, hash }: Pick<ChainHead, "sequence" | "hash">, atMs: number) {
  return Buffer.from(JSON.stringify(["gpu-assay ledger head", sequence, hash, atMs]));
}

/** Whether the key signed it, and the key's id is its own. */
export function isSignatureOf(
  head: Pick<ChainHead, "sequence" | "hash">,
  { atMs, keyId, publicKey, signature }: Omit<Signature, "sequence" | "chainSequence">,
): boolean {
  try {
    if (keyIdOf(publicKey) !== keyId) return false;
    const key = createPublicKey({ key: publicKey, format: "der", type: "spki" });
    if (key.asymmetricKeyType !== "ed25519") return false;
    return verify(undefined, signedText(head, atMs), key, signature);
  } catch {
    return false; // no key at all
  }
}

export interface Signer {
  /** Signs the head where the last signature is as old as it may become; inside a transaction. */
  signIfDue(): void;
  /** Signs the head, unless this key has signed it already. */
  signHead(): SignedHead;
}

export interface SignerClock {
  /** Unix milliseconds. */
  nowMs: () => number;
  /** Milliseconds of a clock that never steps. */
  monotonicMs: () => number;
}

export function createSigner(
  db: Database,
  key: NodeKey,
  everyMs: number,
  { nowMs, monotonicMs }: SignerClock,
): Signer {
  const newest = db.prepare(NEWEST);
  const insert = db.prepare(INSERT);
  let signedAtMs = Number.NEGATIVE_INFINITY;
  const signHead = (): SignedHead => {
    const head = chainHead(db);
    const last = signatureRow.optional().parse(newest.get());
    const known = last?.chainSequence === head.sequence && last.keyId === key.id ? last : undefined;
    const made = known ?? signed(head, key, nowMs());
    if (!known) insert.run(made);
    signedAtMs = monotonicMs();
    const signature = made.signature.toString("base64");
    return { sequence: head.sequence, hash: head.hash, atMs: made.atMs, keyId: key.id, signature };
  };
  return {
    signHead,
    signIfDue() {
      if (monotonicMs() - signedAtMs >= everyMs) signHead();
    },
  };
}

function signed(head: ChainHead, key: NodeKey, atMs: number): Omit<Signature, "sequence"> {
  const signature = sign(undefined, signedText(head, atMs), key.privateKey);
  const { id: keyId, publicKey } = key;
  return { chainSequence: head.sequence, atMs, keyId, publicKey, signature };
}
