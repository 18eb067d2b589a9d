import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { ageMs, type PrivacyConfig } from "../config/privacy.ts";
import type { ErasureSelect } from "../ledger/acts.ts";
import type { Ledger } from "../ledger/contract.ts";
import { BatchRejected } from "../ledger/rejected.ts";
import { sanitize } from "../model/text.ts";

export interface PrivacyKeeperSettings {
  config: PrivacyConfig;
  ledger: Pick<Ledger, "append">;
  log: Pick<Logger, "info" | "warn">;
  /** Unix milliseconds. */
  nowMs: () => number;
}

const EVERY_MS = 3_600_000;
/** Acts of one turn: each takes a few thousand rows at most, and the slices go in between them. */
const MAX_ACTS = 50;

/** Erases what is older than the configuration keeps, once an hour, a bounded piece at a time. */
export class PrivacyKeeper {
  readonly #settings: PrivacyKeeperSettings;

  constructor(settings: PrivacyKeeperSettings) {
    this.#settings = settings;
  }

  async run(
    sleep: (ms: number, signal?: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      await this.runOnce();
      // An abort ends the wait.
      await sleep(EVERY_MS, signal).catch(() => undefined);
    }
  }

  async runOnce(): Promise<void> {
    const { log } = this.#settings;
    for (const { select, why } of this.#due())
      try {
        let acts = 0;
        while (acts < MAX_ACTS && (await this.#erase(select, why))) acts += 1;
        if (acts > 0) log.info({ acts, of: select.of }, `erased ${why}`);
      } catch (error) {
        // The next hour tries again; a disk that fails is told of where it is written.
        log.warn({ of: select.of }, `nothing was erased: ${sanitize(String(error), 300)}`);
      }
  }

  #due(): { select: ErasureSelect; why: string }[] {
    const { config, nowMs } = this.#settings;
    const before = (age: string): number | undefined => {
      const ms = ageMs(age);
      return ms === undefined ? undefined : nowMs() - ms;
    };
    const { keepCommands, keepContexts, keepNames, plainUsers } = config;
    const [commands, contexts, names] = [keepCommands, keepContexts, keepNames].map(before);
    const due: { select: ErasureSelect; why: string }[] = [];
    if (commands !== undefined)
      due.push({
        select: { of: "commands", beforeMs: commands },
        why: `command lines older than ${keepCommands} (privacy.keepCommands)`,
      });
    if (contexts !== undefined)
      due.push({
        select: { of: "contexts", beforeMs: contexts },
        why: `run contexts older than ${keepContexts} (privacy.keepContexts)`,
      });
    if (names !== undefined)
      due.push({
        select: { of: "names", beforeMs: names, except: plainUsers.slice(0, 1000) },
        why: `names without GPU time for ${keepNames} (privacy.keepNames)`,
      });
    return due;
  }

  /** @returns whether there was anything */
  async #erase(select: ErasureSelect, reason: string): Promise<boolean> {
    const { ledger, nowMs } = this.#settings;
    const id = `erasure-${randomUUID()}`;
    const act = { kind: "erasure", id, atMs: nowMs(), by: "agent", reason, select } as const;
    try {
      await ledger.append({ acts: [{ ...act, erased: [] }] });
      return true;
    } catch (error) {
      if (error instanceof BatchRejected && error.reason === "nothing") return false;
      throw error;
    }
  }
}
