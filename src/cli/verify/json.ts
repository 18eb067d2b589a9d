import type { Verified } from "../../ledger/chain/verify.ts";

/** What was checked and found; times are Unix milliseconds. */
export function verifiedJson({ problem, checkpoint, ...rest }: Verified): string {
  const { chainSequence, chainHash, beforeMs, atMs, id } = checkpoint ?? {};
  const left = checkpoint && { id, atMs, chainSequence, chainHash, beforeMs };
  return `${JSON.stringify({ ok: problem === undefined, problem, ...rest, checkpoint: left }, undefined, 2)}\n`;
}
