import { existsSync } from "node:fs";
import { inboxPath, leaveCalibrations, leaveClaim } from "../../daemon/inbox-files.ts";
import { openLedger } from "../../ledger/client.ts";
import type { Ledger } from "../../ledger/contract.ts";
import type { Calibration } from "../../model/calibration.ts";
import { AssayError } from "../../model/errors.ts";

/** Where calibrations go: the ledger itself, or the daemon that holds it. */
export interface Keeper {
  /** What was kept before, oldest first. */
  history: readonly Calibration[];
  hasDaemon: boolean;
  /** Tells the daemon, where there is one, that these processes are the agent's own. */
  claim(pids: readonly number[], gpuUuid: string): void;
  /** @returns where they are, for people */
  keep(calibrations: readonly Calibration[]): Promise<string>;
  /** Takes the claims back. */
  close(): Promise<void>;
}

/**
 * @throws AssayError ledger/* where nothing could be kept: to be asked before GPU time is spent
 */
export async function openKeeper(
  stateDir: string,
  sleep: (ms: number) => Promise<void>,
): Promise<Keeper> {
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
    claim: (pids, gpuUuid) => {
      for (const pid of pids) {
        const withdraw = inInbox(stateDir, () => leaveClaim(stateDir, pid, gpuUuid));
        if (withdraw) claims.push(withdraw);
      }
    },
    keep: async (calibrations) => {
      const path = inInbox(stateDir, () => leaveCalibrations(stateDir, calibrations));
      for (let waited = 0; waited < TAKEN_WITHIN_MS && existsSync(path); waited += LOOK_EVERY_MS)
        await sleep(LOOK_EVERY_MS);
      if (existsSync(path)) return `in ${path}: the daemon takes them in when it can`;
      return `in the ledger of ${stateDir}, taken in by the daemon, which uses them from now on`;
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
