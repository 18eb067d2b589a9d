import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { syncFolder, writeDurably } from "../durable.ts";

const FILE = "report-schedule.json";

const doneFile = z.strictObject({
  /** By the schedule's name: the newest due time that was done with, in Unix milliseconds. */
  done: z.record(z.string(), z.int()),
});

/** Up to when each schedule is done with: kept in the state directory, so that a restart knows. */
export class ScheduleDone {
  readonly #stateDir: string;
  readonly #done: Map<string, number>;

  /** What cannot be read counts as nothing: then the schedules begin now. */
  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    this.#done = readDone(join(stateDir, FILE));
  }

  of(name: string): number | undefined {
    return this.#done.get(name);
  }

  /** Remembers it at once, and on the disk. @throws Error of the file system; it is remembered all the same */
  mark(name: string, dueMs: number): void {
    this.#done.set(name, dueMs);
    const path = join(this.#stateDir, FILE);
    const unfinished = `${path}.unfinished`;
    rmSync(unfinished, { force: true });
    const text = `${JSON.stringify({ done: Object.fromEntries(this.#done) })}\n`;
    writeDurably(unfinished, text, 0o600);
    renameSync(unfinished, path);
    syncFolder(this.#stateDir);
  }
}

function readDone(path: string): Map<string, number> {
  try {
    return new Map(Object.entries(doneFile.parse(JSON.parse(readFileSync(path, "utf8"))).done));
  } catch {
    return new Map();
  }
}
