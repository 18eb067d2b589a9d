/**
 * One measurement in a process of its own, so that its memory is its own. Prints one line of JSON.
 * Arguments: fill DIR SLICES | report DIR | plain DIR
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import { builtUrl } from "../built.ts";
import type * as Make from "../../src/bill/report.ts";
import type * as Client from "../../src/ledger/client.ts";
import type * as Prices from "../../src/bill/price-list.ts";
import { GPUS, SLICES_A_WINDOW, START_MS, WINDOW_MS, windowSlices } from "./node.ts";

const MONTH_MS = 31 * 24 * 3_600_000;
const WINDOWS_A_BATCH = 60;
const window = { fromMs: START_MS, toMs: START_MS + MONTH_MS };

const PRICES = `currency: USD
gpus:
  - model: NVIDIA H100 80GB HBM3
    perGpuHour: "2.00"
    from: 2026-01-01
energy:
  - perKwh: "0.10"
    from: 2026-01-01
`;

const [what, stateDir = "", count = "0"] = process.argv.slice(2);
const began = performance.now();
const result = await run();
const seconds = (performance.now() - began) / 1000;
const residentMb = process.resourceUsage().maxRSS / 1000;
process.stdout.write(`${JSON.stringify({ seconds, residentMb, ...result })}\n`);

async function run(): Promise<object> {
  if (what === "fill") return fill(Number(count));
  return what === "report" ? report() : plain();
}

async function ledgerModule(): Promise<typeof Client> {
  const module: unknown = await import(builtUrl("ledger/client.js").href);
  // Built from the very source whose type this is.
  return module as typeof Client;
}

async function fill(slices: number): Promise<object> {
  const { openLedger } = await ledgerModule();
  const ledger = await openLedger({ stateDir, mode: "write" });
  await ledger.append({ gpus: GPUS });
  const start = performance.now();
  const windows = Math.ceil(slices / SLICES_A_WINDOW);
  for (let n = 0; n < windows; n += WINDOWS_A_BATCH) {
    const length = Math.min(WINDOWS_A_BATCH, windows - n);
    await ledger.append({
      slices: Array.from({ length }, (_, i) => windowSlices(n + i)).flat(),
    });
  }
  const appendSeconds = (performance.now() - start) / 1000;
  await ledger.close();
  return { slices: windows * SLICES_A_WINDOW, appendSeconds };
}

/** A whole month's report; a ledger that holds less is reported as far as it goes. */
async function report(): Promise<object> {
  const { openLedger } = await ledgerModule();
  const bill: unknown = await import(builtUrl("bill/report.js").href);
  const { buildReport } = bill as typeof Make;
  const yaml: unknown = await import(builtUrl("bill/price-list.js").href);
  const { parsePriceList } = yaml as typeof Prices;
  const ledger = await openLedger({ stateDir, mode: "read", checkUpToBytes: 0 });
  const extent = await ledger.extent();
  const toMs = Math.min(window.toMs, extent?.toMs ?? window.toMs);
  const prices = parsePriceList(PRICES, "bench");
  const request = { ledger, prices, groupBy: ["owner", "label"] as const, nowMs: toMs };
  const start = performance.now();
  const made = await buildReport({ ...request, window: { ...window, toMs } });
  const reportSeconds = (performance.now() - start) / 1000;
  await ledger.close();
  return { reportSeconds, lines: made.lines.length, gpuMs: made.totals.gpuMs };
}

/** The same sums without roll-ups: what SQLite does when asked plainly. */
function plain(): object {
  const db = new Database(join(stateDir, "ledger.sqlite"), { readonly: true });
  const start = performance.now();
  const rows = db
    .prepare(
      `SELECT gpu_id, owner_id, label_id, sum(time_ms), sum(energy_mj), sum(idle_energy_mj), count(*)
       FROM slices WHERE from_ms >= ? AND to_ms <= ? GROUP BY 1, 2, 3`,
    )
    .all(window.fromMs, window.toMs);
  const plainSeconds = (performance.now() - start) / 1000;
  db.close();
  return { plainSeconds, rows: rows.length, windowMs: WINDOW_MS };
}
