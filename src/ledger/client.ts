import { AssayError } from "../model/errors.ts";
import type { Ledger } from "./contract.ts";
import type { WorkerRole } from "./protocol.ts";
import { LedgerThread } from "./thread.ts";

export interface LedgerOptions {
  /** Holds `ledger.sqlite`; made with mode 0700 where it is missing and the mode is `write`. */
  stateDir: string;
  /** `write` for the one daemon of a state directory, `read` for everybody else. */
  mode: "write" | "read";
  /** The database file never grows beyond this; its log may add 16 MiB. */
  maxBytes?: number | undefined;
  /** The worker's built entry. */
  workerUrl?: URL | undefined;
  /** How long to wait for another connection's lock; 5 s by default. */
  busyTimeoutMs?: number | undefined;
  /** A ledger up to this size is checked whole at opening; 64 MiB by default, 0 for never. */
  checkUpToBytes?: number | undefined;
  /** The head of a chain that grew is signed this often, and at the end; 10 minutes by default. */
  signEveryMs?: number | undefined;
  /** A worker died. Its requests have failed; the next request starts another. */
  onWorkerDeath?: ((role: WorkerRole, error: AssayError) => void) | undefined;
}

const WORKER = new URL("./worker.js", import.meta.url);
const BUSY_TIMEOUT_MS = 5000;
const SIGN_EVERY_MS = 600_000;
const CHECK_UP_TO_BYTES = 64 * 1024 ** 2;

/**
 * Opens the ledger of a state directory. What `append` acknowledged survives the death of the
 * process and, as far as the disk keeps what it synced, a loss of power. In mode `read` everything
 * that writes is refused with ledger/read-only.
 * @throws AssayError ledger/busy, missing, read-only, denied, full, corrupt, newer, older, key or io; the
 * ledger is then as it was
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { stateDir, maxBytes, workerUrl = WORKER } = options;
  const { busyTimeoutMs = BUSY_TIMEOUT_MS, checkUpToBytes = CHECK_UP_TO_BYTES } = options;
  const { signEveryMs = SIGN_EVERY_MS } = options;
  const thread = (role: WorkerRole, checked: number): LedgerThread =>
    new LedgerThread(
      workerUrl,
      { role, stateDir, maxBytes, busyTimeoutMs, checkUpToBytes: checked, signEveryMs },
      (error) => options.onWorkerDeath?.(role, error),
    );
  if (options.mode === "read") {
    const reader = thread("read", checkUpToBytes);
    await reader.start();
    return ledgerOver(undefined, reader, stateDir);
  }
  const writer = thread("write", checkUpToBytes);
  await writer.start();
  // The reader starts with the first report: a daemon that nobody asks does without its memory.
  return ledgerOver(writer, thread("read", 0), stateDir);
}

function ledgerOver(
  writer: LedgerThread | undefined,
  reader: LedgerThread,
  stateDir: string,
): Ledger {
  const writing = (): LedgerThread => {
    if (writer) return writer;
    throw new AssayError("ledger/read-only", "this ledger was opened for reading", {
      place: stateDir,
    });
  };
  // What the daemon itself asks at every turn is quick, and must not wait for a report.
  const quick = writer ?? reader;
  return {
    append: async (batch) => writing().ask("append", batch),
    signHead: async () => writing().ask("signHead"),
    settle: async (id, endpoint, outcome) => writing().ask("settle", id, endpoint, outcome),
    prune: async (request) => writing().ask("prune", request),
    prunePlan: async (request) => quick.ask("prunePlan", request),
    due: async (nowMs, limit, endpoint) => quick.ask("due", nowMs, limit, endpoint),
    outboxStatus: async () => quick.ask("outboxStatus"),
    lastSliceEnds: async () => quick.ask("lastSliceEnds"),
    chainHead: async () => quick.ask("chainHead"),
    slices: async (query) => reader.ask("slices", query),
    segments: async (query) => reader.ask("segments", query),
    usage: async (bounds) => reader.ask("usage", bounds),
    coverage: async (window) => reader.ask("coverage", window),
    gpus: async () => reader.ask("gpus"),
    acts: async (query) => reader.ask("acts", query),
    erasable: async (select) => reader.ask("erasable", select),
    gaps: async (window) => reader.ask("gaps", window),
    incidents: async (query) => quick.ask("incidents", query),
    calibrations: async () => quick.ask("calibrations"),
    calibrationHistory: async (query) => reader.ask("calibrationHistory", query),
    incidentHistory: async (id) => reader.ask("incidentHistory", id),
    owners: async () => quick.ask("owners"),
    processes: async (query) => reader.ask("processes", query),
    contexts: async (query) => reader.ask("contexts", query),
    extent: async () => reader.ask("extent"),
    async close() {
      // The last connection to go folds the log into the database: that must be the writer.
      await reader.close();
      await writer?.close();
    },
  };
}
