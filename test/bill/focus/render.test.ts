import { parse } from "csv-parse/sync";
import { parquetReadObjects, parquetMetadataAsync } from "hyparquet";
import { describe, expect, it } from "vitest";
import { FOCUS_VERSIONS, focusColumns } from "../../../src/bill/focus/columns.ts";
import { groupedBy } from "../../../src/bill/group.ts";
import { makeReport } from "../../../src/bill/make-report.ts";
import { parsePriceList } from "../../../src/bill/price-list.ts";
import type { KnownOwner } from "../../../src/ledger/contract.ts";
import { formatDecimal, parseNanos } from "../../../src/model/money.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { H100, gpu, slice } from "../../support/slices.ts";

const MARCH = Date.parse("2026-03-01T00:00:00Z");
const HOUR = 3_600_000;
const KWH = 3_600_000_000;

const PRICES = parsePriceList(
  `currency: EUR
gpus:
  - { model: "${H100}", perGpuHour: "2.50", from: 2026-01-01 }
energy:
  - { perKwh: "0.30", from: 2026-01-01 }
`,
  "prices.yaml",
);

const job: KnownOwner = {
  owner: { kind: "job", id: "slurm:4711" },
  key: "job:slurm:4711",
  node: "node-a",
  atMs: 0,
  rule: "slurm-cgroup",
  reason: "its control group",
  proven: { job: "4711", jobName: '=train, "big"', user: "alice", account: "vision" },
  declared: { team: "chosen by itself" },
  conflicts: [],
};

/** From two hours before March to one hour into it: a job, a user beside it, and idle time. */
const ledger = new MemoryLedger({
  gpus: [gpu("G", { firstSeenMs: MARCH - 2 * HOUR })],
  owners: [job],
  slices: [
    slice("G", MARCH - 2 * HOUR, MARCH - HOUR, "job:slurm:4711", "training-like", {
      timeMs: HOUR / 2,
      energyMj: KWH / 4,
    }),
    slice("G", MARCH - 2 * HOUR, MARCH - HOUR, "user:+bob", "inference-like", {
      timeMs: HOUR / 2,
      energyMj: KWH / 4,
    }),
    slice("G", MARCH - HOUR, MARCH, "idle:job:slurm:4711", "idle", { energyMj: KWH / 10 }),
    slice("G", MARCH, MARCH + HOUR, "idle", "idle"),
  ],
});

const made = (format: "focus-csv" | "focus-parquet", focusVersion?: "1.2" | "1.3") =>
  makeReport(
    {
      from: "2026-02-28T22:00Z",
      to: "2026-03-01T01:00Z",
      groupBy: ["owner"],
      format,
      focusVersion,
      names: { billingAccountId: "acc-1", provider: "Example University", region: "eu-1" },
    },
    ledger,
    PRICES,
    MARCH + HOUR,
  );

async function rows(version?: "1.2" | "1.3"): Promise<Record<string, string>[]> {
  return parse(String(await made("focus-csv", version)), { columns: true });
}

async function table(version?: "1.2" | "1.3"): Promise<Record<string, unknown>[]> {
  const bytes = await made("focus-parquet", version);
  if (typeof bytes === "string") throw new Error("Parquet is no text");
  const file = bytes.slice().buffer;
  const metadata = await parquetMetadataAsync(file);
  // Told to be a decimal, a cell becomes a binary fraction in the reader: its bytes are exact.
  for (const element of metadata.schema)
    if (element.converted_type === "DECIMAL") delete element.converted_type;
  return parquetReadObjects({ file, metadata });
}

describe("FOCUS CSV", () => {
  it("has a row for each owner's part of each device's charge, in the month it fell in", async () => {
    const found = (await rows()).map((row) =>
      ["AllocatedResourceId", "x_Charge", "SkuMeter", "BillingPeriodStart", "BilledCost"].map(
        (column) => row[column],
      ),
    );
    expect(found).toEqual([
      ["job:slurm:4711", "used", "GPU Time", "2026-02-01T00:00:00Z", "1.250000000"],
      ["user:+bob", "used", "GPU Time", "2026-02-01T00:00:00Z", "1.250000000"],
      ["job:slurm:4711", "held", "GPU Time", "2026-02-01T00:00:00Z", "2.500000000"],
      ["idle", "idle", "GPU Time", "2026-03-01T00:00:00Z", "2.500000000"],
      ["job:slurm:4711", "used", "Energy", "2026-02-01T00:00:00Z", "0.075000000"],
      ["user:+bob", "used", "Energy", "2026-02-01T00:00:00Z", "0.075000000"],
      ["job:slurm:4711", "held", "Energy", "2026-02-01T00:00:00Z", "0.030000000"],
    ]);
  });

  it("sums to the report's cost in each of its four costs", async () => {
    const report: unknown = JSON.parse(
      String(
        await makeReport(
          {
            groupBy: ["owner"],
            format: "json",
            from: "2026-02-28T22:00Z",
            to: "2026-03-01T01:00Z",
          },
          ledger,
          PRICES,
          MARCH + HOUR,
        ),
      ),
    );
    const total = parseNanos((report as { totals: { cost: string } }).totals.cost);
    for (const column of ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"])
      expect(
        (await rows()).reduce((acc, row) => acc + (parseNanos(row[column] ?? "") ?? 0n), 0n),
      ).toBe(total);
  });

  it("has what FOCUS asks of a charge for use", async () => {
    for (const row of await rows()) {
      expect(row).toMatchObject({
        BillingAccountId: "acc-1",
        BillingAccountName: "acc-1",
        BillingCurrency: "EUR",
        ChargeCategory: "Usage",
        ChargeClass: "",
        ChargeFrequency: "Usage-Based",
        HostProviderName: "Example University",
        InvoiceIssuerName: "Example University",
        PricingCategory: "Standard",
        ProviderName: "Example University",
        PublisherName: "Example University",
        RegionId: "eu-1",
        ResourceId: "G",
        ResourceType: "GPU",
        ServiceCategory: "Compute",
        ServiceSubcategory: "Other (Compute)",
        SubAccountId: "node-a",
      });
      expect([row.PricingUnit, row.ConsumedUnit]).toEqual(
        row.SkuMeter === "GPU Time" ? ["Hours", "Hours"] : ["kWh", "kWh"],
      );
      const unit = parseNanos(row.ListUnitPrice ?? "") ?? 0n;
      const quantity = parseNanos(row.PricingQuantity ?? "") ?? 0n;
      expect(unit * quantity).toBe((parseNanos(row.ListCost ?? "") ?? 0n) * 1_000_000_000n);
    }
  });

  it("gives allocated charges their origin's dimensions, and its tags among their own", async () => {
    const origins = groupedBy(await rows(), (row) => `${row.SkuMeter} ${row.BillingPeriodStart}`);
    expect(origins.size).toBe(3);
    const shared = focusColumns("1.3").filter(
      ({ name, type }) => !/^(Allocated|x_)/.test(name) && type !== "decimal",
    );
    for (const own of origins.values()) {
      for (const { name } of shared) expect(new Set(own.map((row) => row[name])).size).toBe(1);
      const ratios = own.map((row): number => {
        const details = JSON.parse(row.AllocatedMethodDetails ?? "");
        return details.Elements[0].AllocatedRatio;
      });
      expect(ratios.reduce((acc, ratio) => acc + ratio, 0)).toBeCloseTo(1, 12);
      for (const row of own)
        expect(JSON.parse(row.AllocatedTags ?? "")).toMatchObject(JSON.parse(row.Tags ?? ""));
    }
  });

  it("names an owner by what is proven of them, and by nothing they say themselves", async () => {
    const [first] = await rows();
    expect(first?.AllocatedResourceName).toBe('\'=train, "big"');
    expect(JSON.parse(first?.AllocatedTags ?? "")).toMatchObject({
      "assay/user": "alice",
      "assay/account": "vision",
      "assay/job": "4711",
    });
    expect(first?.AllocatedTags).not.toContain("chosen by itself");
  });

  it.each(FOCUS_VERSIONS)("%s has its own columns, in order", async (version) => {
    const names = focusColumns(version).map(({ name }) => name);
    expect(Object.keys((await rows(version))[0] ?? {})).toEqual(names);
    const ours = names.filter((name) => name.startsWith("x_"));
    expect(names).toEqual([
      ...names.filter((name) => !name.startsWith("x_")).sort(),
      ...ours.sort(),
    ]);
    expect(names.includes("AllocatedMethodId")).toBe(version === "1.3");
    expect(names.includes("ServiceProviderName")).toBe(version === "1.3");
    expect(names).toContain("ProviderName");
  });

  it("is refused without a price list, with a hint", async () => {
    const request = { groupBy: ["owner"], format: "focus-csv" } as const;
    await expect(makeReport(request, ledger, undefined, MARCH + HOUR)).rejects.toMatchObject({
      code: "report/format",
      hint: expect.stringContaining("--prices"),
    });
  });
});

/** A Parquet cell as the CSV writes it. */
function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  if (value instanceof Uint8Array)
    return formatDecimal(BigInt(`0x${Buffer.from(value).toString("hex")}`), 9);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

describe("FOCUS Parquet", () => {
  it.each(FOCUS_VERSIONS)("of %s holds every cell of the CSV", async (version) => {
    const [read, written] = [await table(version), await rows(version)];
    expect(read).toHaveLength(written.length);
    for (const [i, row] of written.entries())
      for (const [name, cell] of Object.entries(row)) {
        expect(asText(read[i]?.[name])).toBe(cell.replace(/^'(?=[=+\-@])/, ""));
      }
  });

  it("keeps amounts as DECIMAL(38,9) and times as timestamps", async () => {
    const bytes = await made("focus-parquet");
    if (typeof bytes === "string") throw new Error("Parquet is no text");
    const { schema } = await parquetMetadataAsync(bytes.slice().buffer);
    const column = (name: string) => schema.find((each) => each.name === name);
    expect(column("BilledCost")).toMatchObject({
      type: "FIXED_LEN_BYTE_ARRAY",
      type_length: 16,
      converted_type: "DECIMAL",
      precision: 38,
      scale: 9,
    });
    expect(column("ChargePeriodStart")).toMatchObject({
      type: "INT64",
      converted_type: "TIMESTAMP_MILLIS",
    });
  });

  it("can be written without a row", async () => {
    const bytes = await makeReport(
      { month: "2020-01", groupBy: ["owner"], format: "focus-parquet" },
      new MemoryLedger({}),
      PRICES,
      MARCH,
    );
    if (typeof bytes === "string") throw new Error("Parquet is no text");
    expect(await parquetReadObjects({ file: bytes.slice().buffer })).toEqual([]);
  });
});
