import { existsSync, readFileSync } from "node:fs";
import type { Act } from "../ledger/acts.ts";
import { openLedger } from "../ledger/client.ts";
import type { Ledger } from "../ledger/contract.ts";
import { asLedgerError } from "../ledger/failure.ts";
import { ledgerPlace } from "../ledger/place.ts";
import { BatchRejected } from "../ledger/rejected.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import { leaveActs, reasonPath } from "./inbox-files.ts";

/** The daemon looks every second; when its disk fails, it takes longer. */
const TAKEN_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 100;

/**
 * Puts acts on record: in the ledger itself, or through the daemon that holds it. Returns when they
 * are on disk.
 * @returns who wrote them
 * @throws AssayError ledger/missing where there is no ledger, act/invalid where it refuses them,
 * act/not-taken where the daemon has not taken them in time: they wait in its inbox then; ledger/*
 */
export async function submitActs(
  stateDir: string,
  acts: readonly Act[],
  sleep: (ms: number) => Promise<void>,
): Promise<"ledger" | "daemon"> {
  if (!existsSync(ledgerPlace(stateDir).database))
    throw new AssayError("ledger/missing", "there is no ledger here", {
      place: stateDir,
      hint: "name the daemon's state directory with --state-dir",
    });
  const ledger = await openUnlessHeld(stateDir);
  if (!ledger) {
    await handOver(stateDir, acts, sleep);
    return "daemon";
  }
  try {
    await ledger.append({ acts });
  } catch (error) {
    throw error instanceof BatchRejected ? refused(error.message, stateDir) : error;
  } finally {
    await ledger.close();
  }
  return "ledger";
}

async function openUnlessHeld(stateDir: string): Promise<Ledger | undefined> {
  try {
    return await openLedger({ stateDir, mode: "write" });
  } catch (error) {
    if (error instanceof AssayError && error.code === "ledger/busy") return undefined;
    throw error;
  }
}

async function handOver(
  stateDir: string,
  acts: readonly Act[],
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const path = leftIn(stateDir, acts);
  for (let waited = 0; waited < TAKEN_WITHIN_MS && existsSync(path); waited += LOOK_EVERY_MS)
    await sleep(LOOK_EVERY_MS);
  if (existsSync(path))
    throw new AssayError("act/not-taken", "the daemon has not taken it in yet", {
      place: path,
      hint: "it takes the file in when it can: do not hand it over again",
    });
  const reason = reasonPath(path);
  if (existsSync(reason)) throw refused(readFileSync(reason, "utf8").trim(), stateDir);
}

function leftIn(stateDir: string, acts: readonly Act[]): string {
  try {
    return leaveActs(stateDir, acts);
  } catch (error) {
    throw asLedgerError(error, stateDir);
  }
}

function refused(why: string, stateDir: string): AssayError {
  return new AssayError("act/invalid", sanitize(why, 500), {
    place: stateDir,
    hint: "nothing was changed",
  });
}
