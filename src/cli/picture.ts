import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { AssayError } from "../model/errors.ts";

/** A file that a picture will go into: whether it can is known before the work for it begins. */
export interface ReservedPicture {
  write(picture: string): Promise<void>;
  /** Leaves things as they were. Safe after `write`, which it does not undo. */
  discard(): Promise<void>;
}

/** @throws AssayError `cli/usage` where the file is there and not `force`, or cannot be written */
export async function reservePicture(file: string, force: boolean): Promise<ReservedPicture> {
  const wasThere = await stat(file).then(
    () => true,
    () => false,
  );
  // Appending leaves what is there until there is something to replace it with.
  const handle = await open(file, force ? "a" : "wx").catch((cause: unknown) => {
    throw unwritable(file, cause);
  });
  let isOpen = true;
  return {
    async write(picture) {
      isOpen = false;
      await replaceWith(handle, picture).catch((cause: unknown) => {
        throw unwritable(file, cause);
      });
    },
    async discard() {
      if (!isOpen) return;
      isOpen = false;
      await handle.close();
      if (!wasThere) await rm(file, { force: true });
    },
  };
}

async function replaceWith(handle: FileHandle, picture: string): Promise<void> {
  try {
    if ((await handle.stat()).isFile()) await handle.truncate();
    await handle.writeFile(picture);
  } finally {
    await handle.close();
  }
}

function unwritable(file: string, cause: unknown): AssayError {
  const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
  if (exists)
    return new AssayError("cli/usage", "the picture's file is there already", {
      place: file,
      hint: "choose another name, or overwrite it with --force",
    });
  return new AssayError("cli/usage", "the picture cannot be written", {
    place: file,
    hint: cause instanceof Error ? cause.message : undefined,
    cause,
  });
}
