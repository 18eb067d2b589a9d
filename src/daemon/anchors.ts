import { closeSync, constants, fsyncSync, openSync, writeSync } from "node:fs";
import type { Logger } from "pino";
import type { Ledger, OutboxMessage, SignedHead } from "../ledger/contract.ts";

export interface AnchorSettings {
  node: string;
  everyMs: number;
  /** Where the head is told; nowhere else than in the ledger where all are off. */
  isLogged: boolean;
  file?: string | undefined;
  /** Name of an endpoint. */
  webhook?: string | undefined;
  ledger: Pick<Ledger, "signHead" | "append">;
  log: Pick<Logger, "info" | "warn">;
  nowMs: () => number;
}

/**
 * Tells signed heads of the chain outside of the ledger: root on the node holds the key, and what
 * root wrote anew differs from a head that is out of its reach.
 */
export class Anchors {
  readonly #settings: AnchorSettings;
  #lastSequence = 0;
  /** A file that cannot be written is said once, until it can be again. */
  #isTold = false;

  constructor(settings: AnchorSettings) {
    this.#settings = settings;
  }

  /** Tells the head at every turn until the signal, and once more then. Never rejects. */
  async run(
    sleep: (ms: number, signal?: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      await this.tell();
      await sleep(this.#settings.everyMs, signal);
    }
    await this.tell();
  }

  /** Nothing where the chain did not grow. Never rejects. */
  async tell(): Promise<void> {
    const { node, isLogged, file, webhook, ledger, log } = this.#settings;
    if (!isLogged && file === undefined && webhook === undefined) return;
    try {
      const head = await ledger.signHead();
      if (head.sequence === this.#lastSequence) return;
      const anchor = anchorOf(node, head);
      if (file !== undefined) appendLine(file, JSON.stringify(anchor));
      if (webhook !== undefined) await ledger.append({ outbox: [this.#message(webhook, anchor)] });
      if (isLogged) log.info({ anchor }, "head of the ledger's chain");
      this.#lastSequence = head.sequence;
      this.#isTold = false;
    } catch (error) {
      if (!this.#isTold)
        log.warn(
          { file, reason: String(error) },
          "the head of the ledger's chain was not anchored",
        );
      this.#isTold = true;
    }
  }

  #message(endpoint: string, anchor: Anchored): OutboxMessage {
    const type = "ledger.head";
    const timestamp = new Date(anchor.atMs).toISOString();
    const id = `msg_head_${anchor.sequence}_${anchor.hash.slice(0, 16)}`;
    const body = JSON.stringify({ type, timestamp, data: anchor });
    return { id, endpoint, type, body, createdAtMs: this.#settings.nowMs() };
  }
}

interface Anchored extends SignedHead {
  node: string;
}

/** In the order in which the line has them. */
function anchorOf(node: string, { atMs, sequence, hash, keyId, signature }: SignedHead): Anchored {
  return { node, atMs, sequence, hash, keyId, signature };
}

/** One write, so that lines of several nodes do not mix; on disk when it returns. */
function appendLine(path: string, line: string): void {
  const { O_WRONLY, O_APPEND, O_CREAT } = constants;
  const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT, 0o644);
  try {
    writeSync(file, `${line}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
