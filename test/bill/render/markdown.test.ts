import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../../src/bill/price-list.ts";
import { code, renderReportMarkdown } from "../../../src/bill/render/markdown.ts";
import { buildReport } from "../../../src/bill/report.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { gpu, slice } from "../../support/slices.ts";

const HOUR = 3_600_000;

const reportWith = (prices: string | undefined, simulated = false) =>
  buildReport({
    ledger: new MemoryLedger({
      gpus: [gpu("G", { simulated })],
      slices: [
        slice("G", 0, HOUR, "user:@all", "other", { timeMs: HOUR / 3, energyMj: 1_800_000_000 }),
        slice("G", 0, HOUR, "user:b|c", "other", { timeMs: (HOUR * 2) / 3 }),
      ],
    }),
    prices: prices === undefined ? undefined : parsePriceList(prices, "p.yaml"),
    window: { fromMs: 0, toMs: 2 * HOUR },
    groupBy: ["owner"],
    nowMs: 2 * HOUR,
  });

const PRICES =
  "currency: EUR\ndefault: { perGpuHour: 1 }\nenergy: [{ perKwh: 1, from: 1970-01-01 }]\n";

describe("Markdown", () => {
  it("is a table with head, total and reconciliation", async () => {
    expect(renderReportMarkdown(await reportWith(PRICES))).toBe(`### GPU time and cost

- Node \`node-a\`, 1 GPU
- 1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z (UTC, 2 h)
- Observed: 50.00 % of the GPU time

| Owner | Charge | GPU-hours | kWh | Time cost | Energy cost | Cost EUR |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| \`user:@all\` | used | 0.333 | 0.500 | 0.33 | 0.50 | 0.83 |
| \`user:b\\u{7c}c\` | used | 0.667 | not measured | 0.67 | 0.00 | 0.67 |
| \`unobserved\` | unobserved | 1.000 | not measured | 1.00 | 0.00 | 1.00 |
| **Total** |  | 2.000 | 0.500 † | 2.00 | 0.50 | 2.50 |

† Energy was not measured for 1 h 40 min of GPU time: it is missing, not zero.

1 h in one gap not observed: the JSON report lists all.

Prices (\`p.yaml\`):

- 1.00 EUR a GPU-hour of \`NVIDIA H100 80GB HBM3\`, 1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z
- 1.00 EUR a kWh, 1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z

Reconciled: 7200000 GPU-ms of the window = 3600000 observed + 0 recorded as unobserved + 3600000 without a slice; lines sum to 7200000 ms.
`);
  });

  it("says that there is no price list, and what was simulated, exactly where it is so", async () => {
    const bare = renderReportMarkdown(await reportWith(undefined, true));
    expect(bare).toContain("No price list: no costs.");
    expect(bare).toContain("**SIMULATED");
    expect(bare).not.toContain("Cost ");
    expect(renderReportMarkdown(await reportWith(PRICES))).not.toContain("SIMULATED");
  });

  it("has what is shared and allocated where the price list shares anything", async () => {
    const shared = `${PRICES}allocation: { unobserved: even }\n`;
    const text = renderReportMarkdown(await reportWith(shared));
    expect(text).toContain("| Cost EUR | Shared | Overhead | Allocated |");
    expect(text).toContain("Allocation: ");
  });
});

describe("a name as code", () => {
  it.each([
    ["plain", "`plain`"],
    ["a|b", "`a\\u{7c}b`"],
    ["``x``", "`\\u{60}\\u{60}x\\u{60}\\u{60}`"],
    ["<img src=x>", "`<img src=x>`"],
    ["a\nb", "`a\\u{a}b`"],
    ["", "`\\u{20}`"],
    ["  ", "`\\u{20}`"],
    ["\\", "`\\`"],
  ])("%j is %s", (text, shown) => expect(code(text)).toBe(shown));
});
