import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Ledger, LedgerBatch } from "../ledger/contract.ts";
import { BatchRejected } from "../ledger/rejected.ts";
import type { Calibration } from "../model/calibration.ts";
import { sanitize } from "../model/text.ts";
import {
  BAD,
  InboxFile,
  inboxPath,
  makeInbox,
  MAX_ACTS_BYTES,
  MAX_FILE_BYTES,
  reasonPath,
  startTicksOf,
  UNFINISHED,
} from "./inbox-files.ts";
import { Claims } from "./inbox-claims.ts";
import { whyImplausible } from "./plausible.ts";

export interface InboxSettings {
  stateDir: string;
  ledger: Pick<Ledger, "append" | "calibrations">;
  log: Pick<Logger, "info" | "warn">;
  /** Milliseconds of a clock that never steps. */
  monotonicMs: () => number;
  /** Unix milliseconds: how old a file is. */
  nowMs: () => number;
  /** How long a claim speaks for a process that has ended: windows are labelled after their end. */
  lingerMs: number;
  procRoot?: string | undefined;
}

const POLL_MS = 1000;
/** Files that are looked at in one turn, of each kind; the rest waits for the next. */
const MAX_FILES = 64;
/** Refused files that are kept for a person to see. */
const MAX_BAD = 32;
const RETRY = { firstMs: 1000, maxMs: 60_000 };

/**
 * What other processes left for the daemon in `STATE/inbox`: calibrations, which go to the ledger
 * and into the scales from then on, and claims on processes of our own. Whoever can write there is
 * the daemon's user or root; a folder or file of anybody else is not read.
 */
export class Inbox {
  readonly #settings: InboxSettings;
  readonly #folder: string;
  readonly #claims: Claims;
  /** Said already: the folder's state, and files that can be neither read nor moved. */
  readonly #told = new Set<string>();
  #calibrations: readonly Calibration[] = [];
  #retry = { atMs: 0, waitMs: 0 };

  constructor(settings: InboxSettings) {
    this.#settings = settings;
    this.#folder = inboxPath(settings.stateDir);
    const { procRoot = "/proc", monotonicMs, lingerMs } = settings;
    const startTicks = (pid: number): number | undefined => startTicksOf(pid, procRoot);
    this.#claims = new Claims({ startTicks, monotonicMs, lingerMs });
  }

  /** Makes the folder and reads what the ledger has. @throws AssayError ledger/* */
  async open(): Promise<void> {
    try {
      makeInbox(this.#settings.stateDir);
      this.#removeUnfinished();
    } catch (error) {
      this.#sayOnce("folder", `the inbox cannot be made: ${String(error)}`);
    }
    await this.#reload();
  }

  /** Newest of each device and kernel, as the ledger has them. */
  calibrations(): readonly Calibration[] {
    return this.#calibrations;
  }

  /** Processes on a GPU that are the agent's own by a claim that was checked. */
  agentPids(): ReadonlySet<number> {
    return this.#claims.pids();
  }

  /** Whether a calibration is under way: nothing else of ours should be on a GPU then. */
  isCalibrating(): boolean {
    return this.#claims.isAnyAlive;
  }

  /** Looks every second until the signal. Never rejects. */
  async run(
    sleep: (ms: number, signal?: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      await this.poll().catch((error: unknown) => this.#sayOnce("poll", String(error)));
      await sleep(POLL_MS, signal);
    }
  }

  async poll(): Promise<void> {
    const names = this.#list();
    const finished = names.filter((name) => name !== BAD && !name.startsWith(UNFINISHED));
    const of = (kind: string): string[] =>
      finished.filter((name) => name.startsWith(`${kind}-`)).slice(0, MAX_FILES);
    const claimed = of("claim").flatMap((name) => this.#claimIn(name));
    this.#takeClaims(claimed);
    for (const name of of("calibrations")) await this.#takeCalibrations(name);
    for (const name of of("acts")) await this.#takeActs(name);
    const known = /^(claim|calibrations|acts)-/;
    for (const name of finished.filter((each) => !known.test(each)).slice(0, MAX_FILES))
      this.#putAside(name, "its name is of no kind that is known");
  }

  #list(): string[] {
    try {
      const { uid, mode } = lstatSync(this.#folder);
      if (!isTrusted(uid) || (mode & 0o170_022) !== 0o040_000) {
        this.#sayOnce("folder", "the inbox is not read: others than its owner may write there");
        return [];
      }
      this.#told.delete("folder");
      return readdirSync(this.#folder).sort();
    } catch (error) {
      this.#sayOnce("folder", `the inbox cannot be read: ${String(error)}`);
      return [];
    }
  }

  async #reload(): Promise<void> {
    this.#calibrations = await this.#settings.ledger.calibrations();
  }

  /** What a writer left that died while it wrote. */
  #removeUnfinished(): void {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.startsWith(UNFINISHED) && isOld(path, this.#settings.nowMs()))
        rmSync(path, { force: true });
    }
  }

  #takeClaims(claimed: Parameters<Claims["note"]>[0]): void {
    const before = this.#claims.pids();
    for (const path of this.#claims.note(claimed)) rmSync(path, { force: true });
    for (const { claim } of claimed) {
      const { pid } = claim;
      // Not known before the device is open.
      const gpuUuid = claim.gpuUuid || undefined;
      if (before.has(pid) || !this.#claims.pids().has(pid)) continue;
      this.#settings.log.info(
        { pid, gpuUuid: gpuUuid && sanitize(gpuUuid, 80) },
        "a calibration says that a process is the agent's own, whatever GPU it is on",
      );
    }
  }

  #claimIn(name: string): { path: string; claim: Extract<InboxFile, { kind: "claim" }> }[] {
    const file = this.#read(name);
    if (!file) return [];
    if (file.kind === "claim") return [{ path: join(this.#folder, name), claim: file }];
    this.#putAside(name, "it is no claim, which its name says");
    return [];
  }

  async #takeCalibrations(name: string): Promise<void> {
    const { log, monotonicMs } = this.#settings;
    if (monotonicMs() < this.#retry.atMs) return;
    const file = this.#read(name);
    if (!file) return;
    if (file.kind !== "calibrations")
      return this.#putAside(name, "it holds no calibrations, which its name says");
    const nowMs = this.#settings.nowMs();
    const [problem] = file.calibrations.flatMap((each) => whyImplausible(each, nowMs) ?? []);
    if (problem !== undefined) return this.#putAside(name, problem);
    await this.#keep(name, { calibrations: file.calibrations }, () => {
      const kernels = file.calibrations.map(({ kernel }) => sanitize(kernel, 40));
      const ofGpu = file.calibrations.some(({ software }) => !software);
      const effect = ofGpu
        ? "they set the scales from now on"
        : "they are of a CPU that plays GPU: no scale changes";
      log.info({ kernels }, `calibrations were taken in: ${effect}`);
    });
    await this.#reload();
  }

  async #takeActs(name: string): Promise<void> {
    const { log, monotonicMs } = this.#settings;
    if (monotonicMs() < this.#retry.atMs) return;
    const file = this.#read(name, MAX_ACTS_BYTES);
    if (!file) return;
    if (file.kind !== "acts") return this.#putAside(name, "it holds no acts, which its name says");
    await this.#keep(name, { acts: file.acts }, () => {
      const acts = file.acts.map(({ kind, id }) => `${kind} ${sanitize(id, 60)}`);
      log.info({ acts }, "what was handed over is on record");
    });
  }

  /** Into the ledger, or aside where that refuses it; while the disk fails the file stays. */
  async #keep(name: string, batch: LedgerBatch, kept: () => void): Promise<void> {
    const { ledger, monotonicMs } = this.#settings;
    try {
      await ledger.append(batch);
      rmSync(join(this.#folder, name), { force: true });
      this.#retry = { atMs: 0, waitMs: 0 };
      this.#told.delete("append");
      kept();
    } catch (error) {
      // An erasure says whom it is about: of one that is refused only the reason is kept.
      const isErasure = batch.acts?.some(({ kind }) => kind === "erasure") ?? false;
      if (error instanceof BatchRejected) return this.#putAside(name, error.message, !isErasure);
      const waitMs = Math.min(Math.max(RETRY.firstMs, 2 * this.#retry.waitMs), RETRY.maxMs);
      this.#retry = { atMs: monotonicMs() + waitMs, waitMs };
      this.#sayOnce("append", `${name.split("-")[0]} wait in the inbox: ${String(error)}`);
    }
  }

  /** Undefined for what is no sound file of ours, which is put aside. */
  #read(name: string, maxBytes: number = MAX_FILE_BYTES): InboxFile | undefined {
    const read = readFile(join(this.#folder, name), maxBytes);
    if ("gone" in read) return undefined;
    if ("problem" in read) {
      this.#putAside(name, read.problem);
      return undefined;
    }
    const parsed = InboxFile.safeParse(read.content);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    this.#putAside(name, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "malformed"}`);
    return undefined;
  }

  /** Out of the way, so that it is said once; kept for a person while there is room. */
  #putAside(name: string, problem: string, isKept = true): void {
    const said = `bad ${name}`;
    this.#sayOnce(said, `the inbox had a file that was not taken: ${problem}`, name);
    const path = join(this.#folder, name);
    const bad = join(this.#folder, BAD);
    try {
      mkdirSync(bad, { recursive: true, mode: 0o700 });
      const isRoom = readdirSync(bad).length < 2 * MAX_BAD;
      // The reason first: who waits for the file to go looks for it then.
      if (isRoom) writeFileSync(reasonPath(path), `${sanitize(problem, 500)}\n`, { mode: 0o600 });
      if (isRoom && isKept) renameSync(path, join(bad, name));
      else rmSync(path, { force: true, recursive: true });
      this.#told.delete(said);
    } catch {
      // It stays where it is, and has been said.
    }
  }

  #sayOnce(key: string, text: string, name?: string): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const file = name === undefined ? undefined : sanitize(name, 120);
    this.#settings.log.warn({ file, folder: this.#folder }, sanitize(text, 500));
  }
}

const HOUR_MS = 3_600_000;

function isOld(path: string, nowMs: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && nowMs - stat.mtimeMs > HOUR_MS;
}

type ReadFile = { content: unknown } | { problem: string } | { gone: true };

/** No link is followed, nothing that could block is opened, and no more than a bound is read. */
function readFile(path: string, maxBytes: number): ReadFile {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ENOENT" ? { gone: true } : { problem: `it cannot be opened (${code})` };
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return { problem: "it is no regular file" };
    if (!isTrusted(stat.uid)) return { problem: "it belongs to another user" };
    if (stat.size > maxBytes) return { problem: `it is longer than ${maxBytes} bytes` };
    const bytes = Buffer.alloc(stat.size);
    const length = readSync(file, bytes, 0, stat.size, 0);
    const content: unknown = JSON.parse(bytes.toString("utf8", 0, length));
    return { content };
  } catch {
    return { problem: "it is no JSON" };
  } finally {
    closeSync(file);
  }
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}
