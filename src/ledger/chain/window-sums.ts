import type { RawCell } from "./row-check.ts";
import { Tampered } from "./tampered.ts";

interface OpenWindow {
  gpu: number;
  fromMs: number;
  toMs: number;
  timeMs: number;
  firstRow: number;
}

/** A slice's cells, in the order of the chain's record (tables.ts). */
const [SEQUENCE, GPU, FROM, TO, , TIME, ENERGY, IDLE] = [0, 1, 2, 3, 4, 5, 6, 7];

/**
 * The arithmetic of slices, as they come: those of a device's window sum to it, no window overlaps
 * the one before, and no device draws more when it idles than altogether. This holds also where whoever
 * changed them chained and signed them anew.
 */
export class WindowSums {
  readonly #ends = new Map<number, number>();
  #open: OpenWindow | undefined;

  /** @throws Tampered */
  add(cells: readonly RawCell[]): void {
    const at = (index: number): number => Number(cells[index]);
    const [row, gpu, fromMs, toMs] = [at(SEQUENCE), at(GPU), at(FROM), at(TO)];
    const [energy, idle] = [cells[ENERGY] ?? null, cells[IDLE] ?? null];
    if (idle !== null && (energy === null || idle > energy))
      throw wrong(row, "its idle energy is more than all of its energy");
    const open = this.#open;
    if (open?.gpu === gpu && open.fromMs === fromMs && open.toMs === toMs) {
      open.timeMs += at(TIME);
      return;
    }
    this.finish();
    if (fromMs < (this.#ends.get(gpu) ?? Number.NEGATIVE_INFINITY))
      throw wrong(row, "its window overlaps the device's window before");
    this.#ends.set(gpu, toMs);
    this.#open = { gpu, fromMs, toMs, timeMs: at(TIME), firstRow: row };
  }

  /** After the last slice. @throws Tampered */
  finish(): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    const { fromMs, toMs, timeMs, firstRow } = open;
    const window = `from ${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
    if (timeMs !== toMs - fromMs)
      throw wrong(firstRow, `the slices of its window ${window} sum to ${timeMs} ms, not to it`);
  }
}

function wrong(row: number, what: string): Tampered {
  return new Tampered({ table: "slices", row, what });
}
