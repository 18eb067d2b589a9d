import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LedgerBatch } from "../../../src/ledger/contract.ts";
import type { Slice } from "../../../src/model/slice.ts";
import { gpu, opened, slice, tempDir } from "../../ledger/fixtures/make.ts";
import { type Ran, runCommand } from "../../support/command.ts";

export const HOUR_MS = 3_600_000;
export const at = (ms: number): string => new Date(ms).toISOString();

export const PRICES = `currency: EUR
gpus:
  - model: "Test GPU"
    perGpuHour: "3.60"
    from: 1970-01-01
`;

/** Ten seconds of an owner on a device, `n` windows after the beginning. */
export function window(n: number, over: Partial<Slice> = {}): Slice {
  return slice({ fromMs: n * 10_000, ...over });
}

/** A real ledger on disk that no process holds, and commands that work on it. */
export async function ledgerWith(batch: LedgerBatch): Promise<{
  stateDir: string;
  prices: string;
  assay: (...args: string[]) => Promise<Ran>;
}> {
  const stateDir = tempDir();
  const ledger = await opened({ stateDir });
  await ledger.append({ gpus: [gpu()], ...batch });
  await ledger.close();
  const prices = join(stateDir, "prices.yaml");
  writeFileSync(prices, PRICES);
  const assay = async (...args: string[]): Promise<Ran> =>
    runCommand([...args, "--state-dir", stateDir], HOUR_MS);
  return { stateDir, prices, assay };
}
