import { randomUUID } from "node:crypto";
import {
  access,
  constants,
  type FileHandle,
  lstat,
  open,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { AssayError } from "../model/errors.ts";

/** A file that a picture will go into: whether it can is known before the work for it begins. */
export interface ReservedPicture {
  /** @throws AssayError `cli/usage`; then what was there is as it was */
  write(picture: string): Promise<void>;
  /** Leaves things as they were. Safe after `write`, which it does not undo. */
  discard(): Promise<void>;
}

/**
 * The picture is written beside its file, which it replaces in one step: whatever ends the process,
 * the file is the old one, the new one or none.
 * @throws AssayError `cli/usage` where the file is there and not `force`, or cannot be written
 */
export async function reservePicture(file: string, force: boolean): Promise<ReservedPicture> {
  try {
    if (!force) await refuseExisting(file);
    if (file === "" || file.endsWith("/")) throw new Error("that is no file's name");
    const there = await stat(file).catch(unlessMissing);
    if (there && !there.isFile()) return closing(file, await straightInto(file));
    // A link stays one: what it points to is replaced.
    const target = there ? await realpath(file) : file;
    // A folder that can be written would let a file be replaced that must not be.
    if (there) await access(target, constants.W_OK);
    return closing(file, await beside(target, force, there?.mode));
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/** What is open until the picture is in it, or is not to be. */
interface Opened {
  handle: FileHandle;
  /** After `handle` is closed. */
  finish(): Promise<void>;
  giveUp(): Promise<void>;
}

/** Of a device or a pipe there is nothing to be kept whole. */
async function straightInto(file: string): Promise<Opened> {
  const nothing = (): Promise<void> => Promise.resolve();
  return { handle: await open(file, "a"), finish: nothing, giveUp: nothing };
}

/** @param mode of the file that is replaced */
async function beside(file: string, force: boolean, mode?: number): Promise<Opened> {
  // By chance too: one that a killed process of the same id left behind is in nobody's way.
  const name = `.assay-picture-${process.pid}-${randomUUID().slice(0, 8)}`;
  const path = join(dirname(file), name);
  const handle = await open(path, "wx");
  // What may not be kept is no reason to refuse the picture.
  if (mode !== undefined) await handle.chmod(mode & 0o777).catch(() => undefined);
  return {
    handle,
    async finish() {
      if (!force) await refuseExisting(file);
      await rename(path, file);
    },
    giveUp: () => rm(path, { force: true }),
  };
}

function closing(file: string, { handle, finish, giveUp }: Opened): ReservedPicture {
  let isOpen = true;
  return {
    async write(picture) {
      isOpen = false;
      try {
        await filled(handle, picture);
        await finish();
      } catch (cause) {
        await giveUp();
        throw unwritable(file, cause);
      }
    },
    async discard() {
      if (!isOpen) return;
      isOpen = false;
      await handle.close();
      await giveUp();
    },
  };
}

async function filled(handle: FileHandle, picture: string): Promise<void> {
  try {
    await handle.writeFile(picture);
    if ((await handle.stat()).isFile()) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A link that points nowhere is there too. */
async function refuseExisting(file: string): Promise<void> {
  if ((await lstat(file).catch(unlessMissing)) === undefined) return;
  throw new AssayError("cli/usage", "the picture's file is there already", {
    place: file,
    hint: "choose another name, or overwrite it with --force",
  });
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

function unwritable(file: string, cause: unknown): AssayError {
  if (cause instanceof AssayError) return cause;
  return new AssayError("cli/usage", "the picture cannot be written", {
    place: file,
    hint: cause instanceof Error ? cause.message : undefined,
    cause,
  });
}
