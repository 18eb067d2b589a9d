/**
 * Every error a user can meet, by stable code. A retired code is never reused.
 * `docs/errors.md` mirrors this table; a test compares them.
 */
export const ERRORS = {
  "recording/not-found": "The recording does not exist or cannot be read.",
  "recording/not-a-file": "The path names a directory or a special file.",
  "recording/empty": "The file holds no line at all.",
  "recording/not-gzip": "The file is named .gz but is not gzip, or the gzip stream is damaged.",
  "recording/no-header": "The first line is not a `recording` header.",
  "recording/version": "The recording is of another major version.",
  "recording/malformed": "A line is not JSON, or a field has the wrong type.",
  "recording/out-of-order": "Lines of a source go back in time.",
  "recording/duplicate-gpu": "Two GPUs of the header share one index or one uuid.",
  "recording/unknown-gpu": "A line speaks of a GPU that the header does not list.",
  "recording/exists": "The file to record into is there already.",
  "recording/cannot-write": "The recording cannot be written.",
  "config/not-found": "The configuration file does not exist or cannot be read.",
  "config/syntax": "The configuration is not YAML.",
  "config/invalid": "A setting is unknown or has a wrong value.",
  "ledger/newer": "The ledger was written by a newer version.",
  "ledger/read-only": "The ledger cannot be written.",
  "ledger/full": "The disk, or the ledger's size limit, is full.",
  "ledger/corrupt": "The ledger is no SQLite database, or it is damaged.",
  "ledger/busy": "Another daemon holds this ledger.",
  "ledger/missing": "There is no ledger in the state directory.",
  "ledger/older": "The ledger was written by an older version and cannot be read as it is.",
  "ledger/denied": "The ledger cannot be read by this user.",
  "ledger/io": "The disk failed while the ledger was read or written.",
  "ledger/worker": "The ledger's worker thread is not running.",
  "ledger/tampered": "The ledger's records are not what its chain, its signatures or its sums say.",
  "ledger/key": "The node's signing key cannot be used.",
  "ledger/anchor": "An anchored head of the chain cannot be read, or is not in this ledger.",
  "ledger/pruned": "What is asked for was removed by retention; only its sums are left.",
  "backup/failed": "The backup could not be made.",
  "act/invalid": "A correction, dispute or erasure is malformed, or fits nothing in the ledger.",
  "act/not-found": "The ledger knows no act of that id.",
  "act/not-taken": "The daemon that holds the ledger did not take the act in.",
  "listen/in-use": "Another process listens on the address.",
  "listen/denied": "The address cannot be listened on.",
  "price/missing": "The price list has no price for a GPU in the window.",
  "price/overlap": "Two prices of one GPU model hold at one time.",
  "price/invalid": "The price list is malformed.",
  "price/currency": "A currency is unknown, or no rate between two currencies holds.",
  "report/not-found": "No report of that id was issued.",
  "report/format": "The report cannot be given in that format.",
  "report/cannot-write": "The report cannot be written there.",
  "report/window": "The report's window is empty, reversed or not a time.",
  "report/group": "The report cannot be grouped by that.",
  "report/unreconciled": "The ledger's slices do not sum to the window: no bill is made of them.",
  "explain/time": "The time to explain cannot be read.",
  "explain/no-window": "Nothing was labelled at that time.",
  "explain/gpu": "The GPU to explain is not there, or it is not said which one.",
  "explain/owner": "The owner had no part of the window.",
  "incident/not-found": "The ledger knows no incident of that id.",
  "incident/ambiguous": "Several incidents begin with that id.",
  "request/invalid": "A query parameter is unknown or has a wrong value.",
  "request/not-found": "There is nothing at that address.",
  "request/host": "The Host header names another host than this loopback address.",
  "request/internal": "The server failed; its log says why.",
  "probe/unavailable": "No WebGPU adapter can be used here.",
  "probe/software": "Only a software adapter is there, and it was not asked for.",
  "probe/refused":
    "The device refused a reference kernel: it did not compile, validate or fit the memory.",
  "probe/no-match": "It cannot be told which GPU the WebGPU adapter is.",
  "probe/wrong-result": "A reference kernel's result differs from the CPU reference.",
  "probe/busy":
    "The GPU is in use and did not become free in the time to wait, or another calibration runs.",
  "probe/interrupted":
    "The calibration ended early: somebody wanted the GPU, or asked; whole kernels were kept.",
  "probe/crashed": "The device process died.",
  "nvml/library": "The NVML library exists but cannot be used.",
  "collect/thread": "A thread that reads devices died.",
  "smi/failed": "nvidia-smi ended, fell silent or printed what cannot be read.",
  "dcgm/scrape": "The dcgm-exporter does not answer, or not with readings of a GPU.",
  "collect/registry":
    "A scheduler's or an engine's registry does not answer, or not with what can be believed.",
  "launches/unavailable": "Kernel launches cannot be traced here.",
  "launches/no-process": "There is no such process to trace.",
  "launches/failed": "bpftrace failed while it traced.",
  "trace/not-found": "The trace to import does not exist or cannot be read.",
  "trace/format": "The file is no trace of a kind that can be imported.",
  "trace/malformed": "The trace is damaged, or not of the form that it claims.",
  "trace/no-kernels": "The trace holds no kernel.",
  "collect/no-gpu": "No GPU that can be watched is here.",
  "context/malformed": "What was sent as run context cannot be read.",
  "context/file": "The file or directory of run context cannot be read.",
  "fit/no-recordings": "There is no recording to fit the evidence model on.",
  "fit/foreign": "The recordings are not the project's own: they are for measuring only.",
  "fit/simulated": "Simulated recordings are not fitted on.",
  "fit/families":
    "Families cannot be left out: a label has too few, or one recording holds them all.",
  "fit/base": "The model to start from, or to compare with, cannot be used.",
  "fit/out": "The fitted model cannot be written there.",
  "fit/differs": "The recordings give another model than the file holds.",
  "simulate/not-found": "The specification of a simulation does not exist or cannot be read.",
  "simulate/syntax": "The specification of a simulation is not YAML.",
  "simulate/invalid": "A specification of a simulation is malformed, or cannot be.",
  "indicators/not-found": "A list of indicators does not exist or cannot be read.",
  "indicators/invalid": "A list of indicators is malformed, or would accuse everybody.",
  "indicators/cannot-write": "A list of indicators cannot be kept there.",
  "cli/usage": "The command line is wrong.",
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** Exit code for bad input: the user can mend it. Everything else that fails exits with 1. */
export const BAD_INPUT = 2;
export const FAILED = 1;

const FAILURES: ReadonlySet<ErrorCode> = new Set([
  "probe/wrong-result",
  "probe/crashed",
  "probe/interrupted",
  "report/unreconciled",
  "request/internal",
  "probe/refused",
  "ledger/io",
  "ledger/worker",
  "ledger/tampered",
  "backup/failed",
  "act/not-taken",
  "collect/thread",
  "context/file",
  "launches/failed",
  "fit/differs",
]);

/** An error with what a person needs to mend it: a stable code, the place, and a hint. */
export class AssayError extends Error {
  override readonly name = "AssayError";
  readonly code: ErrorCode;
  readonly place: string | undefined;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    detail: { place?: string | undefined; hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.place = detail.place;
    this.hint = detail.hint;
  }

  get exitCode(): number {
    return FAILURES.has(this.code) ? FAILED : BAD_INPUT;
  }

  /** What is printed: `error code: message`, then place and hint on lines of their own. */
  report(): string {
    const lines = [`error ${this.code}: ${this.message}`];
    if (this.place) lines.push(`  at ${this.place}`);
    if (this.hint) lines.push(`  hint: ${this.hint}`);
    return lines.join("\n");
  }
}
