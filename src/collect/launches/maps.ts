/** One mapping of a file into a process, as a line of `/proc/PID/maps` has it. */
export interface FileMapping {
  fromAddress: bigint;
  toAddress: bigint;
  /** `FROM-TO` as the kernel writes it: the name of the mapping's link in `map_files`. */
  range: string;
  offset: bigint;
  isExecutable: boolean;
  /** Device and inode: one file, whatever it is called in whose namespace. */
  file: string;
  inode: number;
  /** As the process's own mount namespace has it; a line feed in it reads `\012`. */
  path: string;
}

/** Longest path that is kept; the kernel's own limit is 4,096. */
const MAX_PATH = 4096;
const LINE =
  /^([0-9a-f]+)-([0-9a-f]+) ([-rwxsp]{4}) ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) +(\/.*)$/;
const DELETED = / \(deleted\)$/;

/** The files that a process has mapped, in the order of their addresses. What is no such line is passed over. */
export function parseMaps(text: string, wanted: (path: string) => boolean): FileMapping[] {
  const found: FileMapping[] = [];
  for (const line of text.split("\n")) {
    const fields = LINE.exec(line);
    if (!fields) continue;
    const [, from = "0", to = "0", mode = "", offset = "0", device = "", inode = "", name = ""] =
      fields;
    const path = name.slice(0, MAX_PATH).replace(DELETED, "");
    if (!wanted(path)) continue;
    found.push({
      fromAddress: BigInt(`0x${from}`),
      toAddress: BigInt(`0x${to}`),
      range: `${from}-${to}`,
      offset: BigInt(`0x${offset}`),
      isExecutable: mode[2] === "x",
      file: `${device} ${inode}`,
      inode: Number(inode),
      path,
    });
  }
  return found;
}
