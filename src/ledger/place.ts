import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeFolder } from "./folder.ts";

/** The files of a ledger in its state directory. */
export interface LedgerPlace {
  stateDir: string;
  database: string;
  /** What is in the write-ahead log is in no other file until it is checkpointed. */
  log: string;
  lock: string;
  /** Signs the heads of the chain. */
  key: string;
  /** The same key's public half, to be copied elsewhere. */
  publicKey: string;
}

export function ledgerPlace(stateDir: string): LedgerPlace {
  const dir = resolve(stateDir);
  const database = join(dir, "ledger.sqlite");
  return {
    stateDir: dir,
    database,
    log: `${database}-wal`,
    lock: join(dir, "ledger.lock"),
    key: join(dir, "node.key"),
    publicKey: join(dir, "node.pub"),
  };
}

/** Makes the directory and its parents, for this user alone. One that is there keeps its mode. */
export function makeStateDir(stateDir: string): void {
  makeFolder(stateDir, 0o700);
}

/**
 * Makes `path` as an empty file of mode 0600 and lets the directory remember it; SQLite gives its
 * side files the same mode. A file that is there is not even opened: POSIX drops all locks a
 * process has on a file as soon as it closes any descriptor of it.
 */
export function createPrivately(path: string, stateDir: string): void {
  if (sizeOf(path) !== undefined) return;
  closeSync(openSync(path, "wx", 0o600));
  const dir = openSync(stateDir, "r");
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}

/** Bytes in the file; undefined where there is none. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
