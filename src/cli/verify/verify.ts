import { setImmediate } from "node:timers/promises";
import type { Command } from "commander";
import { defaultStateDir } from "../../config/paths.ts";
import { readAnchors } from "../../ledger/chain/anchor-lines.ts";
import { readPublicKey } from "../../ledger/chain/key.ts";
import { verifyWhole } from "../../ledger/chain/checks.ts";
import type { Verified } from "../../ledger/chain/verify.ts";
import { asLedgerError } from "../../ledger/failure.ts";
import { openForReading, type Store } from "../../ledger/store.ts";
import { AssayError } from "../../model/errors.ts";
import type { CommandIo } from "../io.ts";
import { problemText, verifiedText } from "./text.ts";
import { verifiedJson } from "./json.ts";

const ABOUT = `Check that the ledger is what was written: the hash chain over all records, the
signatures of the node's key, the sequence, the seals of what may name a person,
the sums, and the database itself. Names the first bad record.

Whoever is root on the node holds the key, and can write another history from
any point on: only a head that was kept elsewhere shows that. See docs/ledger.md
for anchors. May run beside the daemon, or on a copy.

  assay verify
  assay verify --key node7.pub --anchor node7-anchors.jsonl`;

/** A ledger of any size is read; the check of a small one at opening would only come first. */
const STORE = { busyTimeoutMs: 5000, checkUpToBytes: 0 };

interface VerifyOptions {
  stateDir?: string;
  key?: string;
  anchor?: string;
  json?: boolean;
}

export function addVerifyCommand(program: Command, io: CommandIo): void {
  program
    .command("verify")
    .summary("Check the ledger's chain, signatures, sequence and sums")
    .description(ABOUT)
    .option("--state-dir <dir>", "where the ledger is")
    .option("--key <file>", "the public key that must have signed: a copy of the node's node.pub")
    .option("--anchor <file>", "heads that were kept elsewhere: one line of JSON each")
    .option("--json", "what was checked and found, as JSON")
    .action(async (options: VerifyOptions) => verify(options, io));
}

async function verify(options: VerifyOptions, io: CommandIo): Promise<void> {
  const key = options.key === undefined ? undefined : readPublicKey(options.key);
  const anchors = options.anchor === undefined ? undefined : readAnchors(options.anchor);
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const store = openForReading({ stateDir, ...STORE });
  const { database: place } = store.place;
  const result = await checked(store, { place, key, anchors }, io);
  if (!result) return io.stderr("stopped before the end: nothing is verified\n");
  io.stdout(options.json === true ? verifiedJson(result) : verifiedText(result));
  if (!result.problem) return;
  throw new AssayError("ledger/tampered", problemText(result.problem), {
    place,
    hint: "keep the file as it is; a backup and an anchor kept elsewhere tell what it was",
  });
}

/** @returns undefined where the user asked to stop */
async function checked(
  { db, close }: Store,
  asked: Omit<Parameters<typeof verifyWhole>[0], "db">,
  io: CommandIo,
): Promise<Verified | undefined> {
  const steps = verifyWhole({ db, ...asked });
  try {
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      await setImmediate();
      if (!io.signal.aborted) continue;
      steps.return({ entries: 0, records: {}, keys: [], signatures: 0, unsigned: 0, notes: [] });
      return undefined;
    }
  } catch (cause) {
    throw asLedgerError(cause, asked.place);
  } finally {
    close();
  }
}
