import type { Logger } from "pino";
import type { WriterStatus } from "../ledger/buffered-writer.ts";
import { AssayError } from "../model/errors.ts";

/** Tells the log, and who waits for the disk, when it begins to fail and when it works again. */
export class DiskWatch {
  private readonly log: Logger;
  private failing: AbortController | undefined;
  private waiting = new AbortController();

  constructor(log: Logger) {
    this.log = log;
  }

  /** Aborted once writing fails; a new one after it works again. */
  trouble(): AbortSignal {
    return this.waiting.signal;
  }

  noteChange(status: WriterStatus): void {
    if (status.state === "failing") {
      this.log.error(status, "the ledger cannot be written: measuring goes on in memory");
      this.failing = this.waiting;
      this.failing.abort();
      return;
    }
    if (this.failing) this.log.info(status, "the ledger is written again");
    else this.log.error(status, "the ledger refused something: gap records say what is missing");
    if (this.failing) this.waiting = new AbortController();
    this.failing = undefined;
  }
}

/** At the end of a run some slices are still in memory only. */
export function unwritten(status: WriterStatus, stateDir: string): AssayError {
  const { queuedSlices, lastError } = status;
  const message = `${queuedSlices} slices could not be written: ${lastError ?? "unknown"}`;
  const hint = "a live daemon keeps trying; what a recording holds can be run again";
  return new AssayError("ledger/io", message, { place: stateDir, hint });
}
