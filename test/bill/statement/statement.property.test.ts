import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../../src/bill/price-list.ts";
import { buildReport } from "../../../src/bill/report.ts";
import { buildStatement } from "../../../src/bill/statement/statement.ts";
import { discretionFor } from "../../../src/bill/statement/others.ts";
import { renderStatement, STATEMENT_FORMATS } from "../../../src/cli/statement/render.ts";
import { anyLedger, LEDGER_END_MS } from "../../support/any-ledger.ts";

const ALICE = "user:alice";
/** Whoever else is on the node; a `says` that gives each of them away in alice's evidence. */
const OTHERS = ["user:mallory", "container:zzyzx42", "job:slurm:90210", "idle:user:quentin"];
const NAMES = ["mallory", "zzyzx42", "90210", "quentin"];
const PRICES = parsePriceList(
  'currency: EUR\ndefault: { perGpuHour: "2.370000001" }\nenergy:\n  - { perKwh: "0.3", from: 1970-01-01 }\n',
  "prices.yaml",
);
const said = (text: string) =>
  ({ family: "host", feature: "process", text, value: text, weights: {} }) as const;
const ledgers = anyLedger(
  [ALICE, `idle:${ALICE}`, ...OTHERS, "agent", "unattributed", "idle", "unobserved"],
  () => ({
    evidence: [
      said("a process of alice runs train.py"),
      ...NAMES.map((name) => said(`process 7 of ${name} was there, too`)),
      ...NAMES.map((name) => said(`/home/${name}/run.sh`)),
    ],
  }),
);
const window = { fromMs: 0, toMs: LEDGER_END_MS };
const nowMs = 10 * LEDGER_END_MS;

describe("a statement, whoever else is on the node", () => {
  it("is the owner's lines of the full report to the unit, and its days sum to them", async () => {
    await fc.assert(
      fc.asyncProperty(ledgers, async (ledger) => {
        const groupBy = ["owner", "label"] as const;
        const full = await buildReport({ ledger, prices: PRICES, window, groupBy, nowMs });
        const own = full.lines.filter(
          ({ group }) => group.owner === ALICE || group.owner === `idle:${ALICE}`,
        );
        const request = { ledger, prices: PRICES, window, ownerKey: ALICE, nowMs };
        if (own.length === 0)
          return expect(buildStatement(request)).rejects.toThrow(/had no part of the window/);
        const { lines, totals, days } = await buildStatement(request);
        expect(lines).toEqual(own);
        const sum = (of: readonly { gpuMs: number }[]): number =>
          of.reduce((acc, each) => acc + each.gpuMs, 0);
        expect(totals.all.gpuMs).toBe(sum(own));
        expect(totals.used.gpuMs + totals.held.gpuMs).toBe(totals.all.gpuMs);
        expect(sum(days)).toBe(totals.all.gpuMs);
        expect(days.reduce((acc, day) => acc + day.energyMj, 0)).toBe(totals.all.energyMj);
        const nanos = own.reduce((acc, line) => acc + (line.cost?.totalNanos ?? 0n), 0n);
        expect(totals.all.cost?.totalNanos).toBe(nanos);
      }),
    );
  });

  it("names nobody else, in no format", async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(ledgers, async (ledger) => {
        const request = { ledger, prices: PRICES, window, ownerKey: ALICE, nowMs };
        const statement = await buildStatement(request).catch(() => undefined);
        if (!statement) return;
        for (const format of STATEMENT_FORMATS) {
          const text = renderStatement(statement, format);
          for (const name of NAMES) {
            // Somebody of whom the window has nothing is not known to be somebody.
            const keys = (await ledger.usage([0, LEDGER_END_MS]))[0]?.rows ?? [];
            if (keys.some(({ ownerKey }) => ownerKey.includes(name)))
              expect(text).not.toContain(name);
          }
        }
      }),
    );
  });
});

describe("who is named in a text", () => {
  const shown = (text: string, keys: readonly string[] = ["user:bob", "unit:carol/a.service"]) =>
    discretionFor(ALICE, keys, []).shown(text);

  it.each([
    ["bob", "a process of bob"],
    ["bob in a path", "/home/bob/miner"],
    ["bob at the end", "by bob"],
    ["the person in the name of a service", "carol logged in"],
  ])("%s is kept back", (_, text) => {
    expect(shown(text)).toBeUndefined();
  });

  it.each([
    ["alice herself", "a process of alice"],
    ["a word that holds the name", "bobsleigh simulation"],
    ["nobody", "power was high"],
  ])("%s is shown", (_, text) => {
    expect(shown(text)).toBe(text);
  });

  it("a name is found as it was escaped, too", () => {
    expect(shown("run by e\\u{a}ve", ["user:e\nve"])).toBeUndefined();
  });
});
