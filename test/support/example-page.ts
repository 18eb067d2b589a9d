import { parsePriceList } from "../../src/bill/price-list.ts";
import { readPageData } from "../../src/bill/page/data.ts";
import type { PageData } from "../../src/bill/page/types.ts";
import { FLEET_FROM, FLEET_PRICES, FLEET_TO, exampleFleet } from "./example-fleet.ts";
import { MemoryLedger } from "./memory-ledger.ts";

/** The page's data of the example fleet. */
export async function examplePageData(): Promise<PageData> {
  return readPageData({
    ledger: new MemoryLedger(exampleFleet(7, 120_000)),
    prices: parsePriceList(FLEET_PRICES, "prices.yaml"),
    window: { fromMs: FLEET_FROM, toMs: FLEET_TO },
    nowMs: FLEET_TO + 32_400_000,
    madeBy: "gpu-assay 0.1.0",
  });
}
