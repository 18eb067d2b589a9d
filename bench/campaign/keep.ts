import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** What all recordings of the project may take together. */
export const MOST_BYTES = 30_000_000;

/** A file of a campaign and what it is called among the kept ones. */
export interface Keepsake {
  file: string;
  name: string;
}

/** The files of one workload: kept together or not at all. */
export type Keeping = readonly Keepsake[];

/**
 * How many can stay, from the first on: the least worthy are dropped first.
 * @param otherBytes what lies there already and stays
 */
export function fitting(sizes: readonly number[], otherBytes: number, most = MOST_BYTES): number {
  let bytes = otherBytes;
  for (const [i, size] of sizes.entries()) {
    bytes += size;
    if (bytes > most) return i;
  }
  return sizes.length;
}

export const bytesOf = (keeping: Keeping): number =>
  keeping.reduce((sum, { file }) => sum + statSync(file).size, 0);

/**
 * Copies what fits, in order of worth; what no longer fits is not left there from another time.
 * @returns what to say of it
 */
export function keep(folder: string, inOrder: readonly Keeping[], most = MOST_BYTES): string {
  mkdirSync(folder, { recursive: true });
  const own = new Set(inOrder.flatMap((keeping) => keeping.map(({ name }) => name)));
  const others = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !own.has(entry.name))
    .map(({ name }) => statSync(join(folder, name)).size);
  const otherBytes = others.reduce((sum, size) => sum + size, 0);
  const count = fitting(inOrder.map(bytesOf), otherBytes, most);
  for (const { name } of inOrder.slice(count).flat()) rmSync(join(folder, name), { force: true });
  for (const { file, name } of inOrder.slice(0, count).flat()) {
    copyFileSync(file, join(folder, `.${name}.new`));
    renameSync(join(folder, `.${name}.new`), join(folder, name));
  }
  const kept = inOrder.slice(0, count).reduce((sum, keeping) => sum + bytesOf(keeping), 0);
  const dropped = inOrder.length - count;
  const rest = dropped === 0 ? "" : `; ${dropped} of least worth left out`;
  return `kept ${count} in ${folder}: ${kept} bytes, ${kept + otherBytes} in all of ${most}${rest}\n`;
}
