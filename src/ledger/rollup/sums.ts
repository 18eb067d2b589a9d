import type { Database } from "better-sqlite3";
import { z } from "zod";
import { AMOUNTS, type Amounts } from "../../model/amounts.ts";
import type { UsageRow } from "../contract.ts";
import { labelSchema } from "../records.ts";

/** What a sum is of, by the ledger's own numbers. */
export interface SumKey {
  gpuId: number;
  ownerId: number;
  labelId: number;
  simulated: number;
}

export type Sum = SumKey & Amounts;

const whole = z.int();

/** Whole numbers above 2^53 are not exact, and are refused rather than rounded. */
export const sumRow: z.ZodType<Sum> = z.object({
  gpuId: whole,
  ownerId: whole,
  labelId: whole,
  simulated: whole,
  timeMs: whole,
  energyMj: whole,
  energyUnmeasuredMs: whole,
  idleEnergyMj: whole,
  dynamicEnergyMj: whole,
  energyUnsplitMs: whole,
  confidenceMs: whole,
  sliceCount: whole,
});

/** Sums by device, owner, label and whether it was simulated. */
export class SumMap {
  private readonly rows = new Map<string, Sum>();

  add(more: Sum): void {
    const key = `${more.gpuId} ${more.ownerId} ${more.labelId} ${more.simulated}`;
    const row = this.rows.get(key);
    if (!row) this.rows.set(key, { ...more });
    else for (const amount of AMOUNTS) row[amount] += more[amount];
  }

  /** @throws z.ZodError where a sum is beyond what a number holds exactly */
  values(): Sum[] {
    return z.array(sumRow).parse([...this.rows.values()]);
  }
}

/** Rows as the contract has them, by device, owner and label. */
export function namedRows(names: Names, sums: readonly Sum[]): UsageRow[] {
  return sums
    .map(({ gpuId, ownerId, labelId, simulated, ...amounts }) => ({
      gpuUuid: names.gpu(gpuId),
      ownerKey: names.owner(ownerId),
      label: labelSchema.parse(names.text(labelId)),
      simulated: simulated === 1,
      ...amounts,
    }))
    .sort(
      (a, b) =>
        compare(a.gpuUuid, b.gpuUuid) ||
        compare(a.ownerKey, b.ownerKey) ||
        compare(a.label, b.label) ||
        Number(a.simulated) - Number(b.simulated),
    );
}

export type Names = Record<"gpu" | "owner" | "text", (id: number) => string>;

/** Names of numbers, each looked up once. */
export function namesOf(db: Database): Names {
  const named = (sql: string): ((id: number) => string) => {
    const find = db.prepare(sql).pluck();
    const known = new Map<number, string>();
    return (id) => {
      const name = known.get(id) ?? z.string().parse(find.get(id));
      known.set(id, name);
      return name;
    };
  };
  return {
    gpu: named("SELECT uuid FROM gpus WHERE id = ?"),
    owner: named("SELECT key FROM owners WHERE id = ?"),
    text: named("SELECT text FROM texts WHERE id = ?"),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
