import { existsSync } from "node:fs";
import { join } from "node:path";
import { inboxPath, leaveCalibrations, leaveClaim } from "../../daemon/inbox-files.ts";
import { openLedger } from "../../ledger/client.ts";
import type { Ledger } from "../../ledger/contract.ts";
import { asLedgerError } from "../../ledger/failure.ts";
import { acquireLock, type LedgerLock } from "../../ledger/lock.ts";
import { ledgerPlace, makeStateDir } from "../../ledger/place.ts";
import type { Calibration } from "../../model/calibration.ts";
import { AssayError } from "../../model/errors.ts";

/** Where calibrations go: the ledger itself, or the daemon that holds it. */
export interface Keeper {
  /** What was kept before, oldest first. */
  history: readonly Calibration[];
  hasDaemon: boolean;
  /**
   * Tells the daemon, where there is one, that a process is the agent's own.
   * @param gpuUuid where it will be; empty where that is not known yet
   */
  claim(pid: number, gpuUuid: string): void;
  /** @returns where they are, for people */
  keep(calibrations: readonly Calibration[]): Promise<string>;
  /** Takes the claims back. */
  close(): Promise<void>;
}

/** Whether there is anything that a daemon could hold. */
export function hasLedger(stateDir: string): boolean {
  return existsSync(ledgerPlace(stateDir).database);
}

/**
 * @throws AssayError ledger/* where nothing could be kept, and `probe/busy` while another
 * calibration runs: to be asked before GPU time is spent
 */
export async function openKeeper(
  stateDir: string,
  sleep: (ms: number) => Promise<void>,
): Promise<Keeper> {
  const lock = lockCalibrations(stateDir);
  try {
    const keeper = await openEither(stateDir, sleep);
    const close = async (): Promise<void> => {
      await keeper.close();
      lock.release();
    };
    return { ...keeper, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Two at once would measure each other. @throws AssayError `probe/busy` while another one runs */
function lockCalibrations(stateDir: string): LedgerLock {
  const place = { ...ledgerPlace(stateDir), lock: join(stateDir, "calibration.lock") };
  try {
    makeStateDir(stateDir);
    return acquireLock(place, "/proc", "the calibration of this node");
  } catch (cause) {
    const error = asLedgerError(cause, stateDir);
    if (!(error instanceof AssayError) || error.code !== "ledger/busy") throw error;
    throw new AssayError("probe/busy", error.message, {
      place: stateDir,
      hint: "another calibration is running: start this one when it is done",
      cause,
    });
  }
}

/** The ledger itself, or the daemon that holds it. */
async function openEither(stateDir: string, sleep: (ms: number) => Promise<void>): Promise<Keeper> {
  try {
    const ledger = await openLedger({ stateDir, mode: "write" });
    return await closingOnError(ledger, () => direct(ledger, stateDir));
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== "ledger/busy") throw error;
    return throughInbox(stateDir, sleep);
  }
}

async function direct(ledger: Ledger, stateDir: string): Promise<Keeper> {
  return {
    history: await ledger.calibrationHistory({}),
    hasDaemon: false,
    claim: () => undefined,
    keep: async (calibrations) => {
      await ledger.append({ calibrations });
      return `in the ledger of ${stateDir}`;
    },
    close: () => ledger.close(),
  };
}

/** The daemon looks every second; when its disk fails, it takes longer. */
const TAKEN_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 200;

async function throughInbox(
  stateDir: string,
  sleep: (ms: number) => Promise<void>,
): Promise<Keeper> {
  const reader = await openLedger({ stateDir, mode: "read" });
  const history = await closingOnError(reader, () => reader.calibrationHistory({}));
  await reader.close();
  const claims: (() => void)[] = [];
  return {
    history,
    hasDaemon: true,
    claim: (pid, gpuUuid) => {
      const withdraw = inInbox(stateDir, () => leaveClaim(stateDir, pid, gpuUuid));
      if (withdraw) claims.push(withdraw);
    },
    keep: async (calibrations) => {
      const path = inInbox(stateDir, () => leaveCalibrations(stateDir, calibrations));
      for (let waited = 0; waited < TAKEN_WITHIN_MS && existsSync(path); waited += LOOK_EVERY_MS)
        await sleep(LOOK_EVERY_MS);
      if (existsSync(path)) return `in ${path}: the daemon takes them in when it can`;
      return `in the ledger of ${stateDir}, taken in by the daemon`;
    },
    close: async () => {
      for (const withdraw of claims.splice(0)) withdraw();
    },
  };
}

function inInbox<T>(stateDir: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AssayError("ledger/read-only", `the daemon's inbox cannot be written: ${why}`, {
      place: inboxPath(stateDir),
      hint: "run it as the daemon's user, or as root",
      cause,
    });
  }
}

async function closingOnError<T>(ledger: Ledger, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await ledger.close();
    throw error;
  }
}
