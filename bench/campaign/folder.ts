import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { acquireLock, type LedgerLock } from "../../src/ledger/lock.ts";
import { ledgerPlace } from "../../src/ledger/place.ts";
import { UsageError } from "./faults.ts";
import { readJson, writeJson } from "./json-file.ts";

const campaignSchema = z.object({ version: z.literal(1), isIdentified: z.boolean() });
const refusedSchema = z.record(z.string(), z.string());

/** Everything of one campaign: what lies directly in it is whole. */
export class OutFolder {
  readonly path: string;
  readonly #lock: LedgerLock;

  /** @throws UsageError where it cannot be used, or another campaign uses it */
  constructor(path: string, isIdentified: boolean) {
    this.path = path;
    try {
      for (const folder of [path, this.logs, this.#unfinished])
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.#lock = acquireLock(
        { ...ledgerPlace(path), lock: join(path, "campaign.lock") },
        "/proc",
        "this campaign",
      );
    } catch (cause) {
      throw new UsageError(`--out: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    this.#refuseMixture(isIdentified);
    // What a campaign left that was killed: nobody knows how much of it is true.
    for (const name of readdirSync(this.#unfinished)) rmSync(join(this.#unfinished, name));
  }

  get logs(): string {
    return join(this.path, "logs");
  }

  get state(): string {
    return join(this.path, "state");
  }

  get #unfinished(): string {
    return join(this.path, "unfinished");
  }

  /** A file of the campaign itself. */
  file(name: string): string {
    return join(this.path, name);
  }

  recording(workload: string): string {
    return this.file(`${workload}.ndjson.gz`);
  }

  /** Of a traced run of one of its parts. */
  launches(workload: string, part: number): string {
    return this.file(`${workload}${part === 0 ? "" : `.${part}`}.launches.ndjson.gz`);
  }

  unfinished(workload: string): string {
    return join(this.#unfinished, `${workload}.ndjson.gz`);
  }

  has(file: string): boolean {
    return existsSync(file);
  }

  /** Workloads that said they cannot run here, with their reasons. */
  get refused(): Record<string, string> {
    return readJson(this.file("refused.json"), refusedSchema) ?? {};
  }

  refuse(workload: string, reason: string): void {
    writeJson(this.file("refused.json"), { ...this.refused, [workload]: reason });
  }

  release(): void {
    this.#lock.release();
  }

  /** Recordings that name people must not lie unseen among those that do not. */
  #refuseMixture(isIdentified: boolean): void {
    const file = this.file("campaign.json");
    const before = readJson(file, campaignSchema);
    if (before && before.isIdentified !== isIdentified) {
      this.release();
      const how = before.isIdentified ? "with" : "without";
      throw new UsageError(`--identify: this folder was recorded ${how} it; use another one`);
    }
    if (!before) writeJson(file, { version: 1, isIdentified });
  }
}
