import { createWriteStream, renameSync } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack as tar } from "tar-fs";

/** Writes files of a folder into one archive, below `campaign/`; whole or not at all. */
export async function packFiles(
  folder: string,
  names: readonly string[],
  target: string,
): Promise<void> {
  const unfinished = `${target}.new`;
  const archive = tar(folder, {
    entries: [...names],
    map: (header) => ({
      ...header,
      name: `campaign/${basename(header.name)}`,
      // Who packed it is nobody's business.
      uid: 0,
      gid: 0,
      uname: "",
      gname: "",
    }),
  });
  await pipeline(archive, createWriteStream(unfinished));
  renameSync(unfinished, target);
}
