import { randomUUID } from "node:crypto";
import { chownSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { readBounded } from "../collect/files.ts";
import { parseStat } from "../collect/processes/parse.ts";
import { type Act, actSchema } from "../ledger/acts.ts";
import { makeFolder } from "../ledger/folder.ts";
import { calibrationSchema } from "../ledger/records.ts";
import type { Calibration } from "../model/calibration.ts";
import { syncFolder, writeDurably } from "./durable.ts";

/**
 * How another process of this machine hands something to the daemon that holds the ledger: files in
 * `STATE/inbox`, each written beside its name, made durable and renamed. Three kinds: calibrations to
 * keep; acts, such as a correction, to put on record; and claims, which say that a process on a GPU is
 * the agent's own while it lives.
 */
const INBOX = "inbox";
/** Of one file; a calibration takes about two kilobytes. */
export const MAX_FILE_BYTES = 256 * 1024;
/** Of a file of acts: an issued report is in it as a whole. */
export const MAX_ACTS_BYTES = 40 * 1024 ** 2;
/** Refused files that a person may want to see; beside each the reason, as `NAME.reason`. */
export const BAD = "bad";
/** A name that a writer has not finished with. */
export const UNFINISHED = ".unfinished-";

const CalibrationsFile = z.strictObject({
  kind: z.literal("calibrations"),
  calibrations: z.array(calibrationSchema).max(64),
});

const ClaimFile = z.strictObject({
  kind: z.literal("claim"),
  pid: z.int().min(1),
  /** Field 22 of /proc/PID/stat: with the pid it names one process for good. */
  startTicks: z.int().min(0),
  gpuUuid: z.string().max(256),
});

const ActsFile = z.strictObject({
  kind: z.literal("acts"),
  acts: z.array(actSchema).min(1).max(64),
});

export const InboxFile = z.discriminatedUnion("kind", [CalibrationsFile, ClaimFile, ActsFile]);
export type InboxFile = z.infer<typeof InboxFile>;
export type Claim = z.infer<typeof ClaimFile>;

export function inboxPath(stateDir: string): string {
  return join(stateDir, INBOX);
}

/**
 * Leaves calibrations for the daemon, durably.
 * @returns the file's path: the daemon deletes it when the ledger has what it says
 * @throws Error of the file system
 */
export function leaveCalibrations(stateDir: string, calibrations: readonly Calibration[]): string {
  return leave(stateDir, "calibrations", {
    kind: "calibrations",
    calibrations: [...calibrations],
  });
}

/**
 * Leaves acts for the daemon, durably: they go into its ledger together.
 * @returns as {@link leaveCalibrations}
 * @throws Error of the file system
 */
export function leaveActs(stateDir: string, acts: readonly Act[]): string {
  return leave(stateDir, "acts", { kind: "acts", acts: [...acts] });
}

/** Where a file that the daemon refused says why. */
export function reasonPath(path: string): string {
  return join(dirname(path), BAD, `${basename(path)}.reason`);
}

/**
 * Tells the daemon that a process of ours is on a GPU.
 * @returns takes the claim back; undefined where the process is gone already
 * @throws Error of the file system
 */
export function leaveClaim(
  stateDir: string,
  pid: number,
  gpuUuid: string,
  procRoot: string = "/proc",
): (() => void) | undefined {
  const startTicks = startTicksOf(pid, procRoot);
  if (startTicks === undefined) return undefined;
  const path = leave(stateDir, "claim", { kind: "claim", pid, startTicks, gpuUuid });
  return () => rmSync(path, { force: true });
}

/** When the process began, in the kernel's ticks since boot; undefined where there is none. */
export function startTicksOf(pid: number, procRoot: string): number | undefined {
  const text = readBounded(`${procRoot}/${pid}/stat`, 4096);
  return text === undefined ? undefined : parseStat(text)?.startTicks;
}

/** Makes the inbox, for the owner of the state directory alone. */
export function makeInbox(stateDir: string): string {
  const folder = inboxPath(stateDir);
  const isNew = makeFolder(folder, 0o700);
  const owner = otherOwner(stateDir);
  if (isNew && owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

/** What root leaves must be readable for a daemon that is not root: it gets the directory's owner. */
function otherOwner(stateDir: string): Pick<Stats, "uid" | "gid"> | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(stateDir);
  return uid === 0 ? undefined : { uid, gid };
}

function leave(stateDir: string, name: string, content: InboxFile): string {
  const folder = makeInbox(stateDir);
  const file = `${name}-${randomUUID()}.json`;
  const unfinished = join(folder, `${UNFINISHED}${file}`);
  const path = join(folder, file);
  try {
    writeDurably(unfinished, JSON.stringify(content), 0o600, otherOwner(stateDir));
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  syncFolder(folder);
  return path;
}
