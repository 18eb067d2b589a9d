import { describe, expect, it } from "vitest";
import { makeReport } from "../../../src/bill/make-report.ts";
import { parsePriceList } from "../../../src/bill/price-list.ts";
import type { PriceList } from "../../../src/bill/price-types.ts";
import type { KnownOwner } from "../../../src/ledger/contract.ts";
import { parseNanos } from "../../../src/model/money.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { gpu, slice } from "../../support/slices.ts";

const HOUR = 3_600_000;

const known = (key: string, proven: KnownOwner["proven"]): KnownOwner => ({
  key,
  owner: { kind: "job", id: key.slice(4) },
  node: "node-a",
  atMs: 0,
  rule: "slurm-cgroup",
  reason: "",
  proven,
  declared: { account: "chosen by itself" },
  conflicts: [],
});

/** A job on two devices, which held one of them idle for half the time; another job; a user. */
const ledger = new MemoryLedger({
  gpus: [gpu("G"), gpu("H", { index: 1 })],
  owners: [
    known("job:slurm:4711", {
      job: "4711",
      jobName: "train",
      user: "alice",
      account: "vision",
      partition: "gpu",
    }),
  ],
  slices: [
    slice("G", 0, 2 * HOUR, "job:slurm:4711", "training-like", { energyMj: 7_200_000_000 }),
    slice("H", 0, HOUR, "job:slurm:4711", "training-like"),
    slice("H", HOUR, 2 * HOUR, "idle:job:slurm:4711", "idle"),
    slice("G", 2 * HOUR, 3 * HOUR, "job:slurm:4712", "other"),
    slice("H", 2 * HOUR, 3 * HOUR, "user:bob", "other", { timeMs: HOUR - 1 }),
    slice("H", 2 * HOUR, 3 * HOUR, "idle", "idle", { timeMs: 1 }),
  ],
});

const prices = (more = ""): PriceList =>
  parsePriceList(`currency: EUR\ndefault: { perGpuHour: 3 }\n${more}`, "prices.yaml");

async function rows(list: PriceList | undefined): Promise<Record<string, string>[]> {
  const text = await makeReport(
    { from: "1970-01-01", to: "1970-01-01T03:00Z", groupBy: ["gpu"], format: "slurm" },
    ledger,
    list,
    3 * HOUR,
  );
  const [head = "", ...lines] = String(text).trimEnd().split("\n");
  const names = head.split("|");
  return lines.map((line) =>
    Object.fromEntries(line.split("|").map((cell, i) => [names[i] ?? "", cell])),
  );
}

describe("the Slurm text", () => {
  it("has what is proven of a job, used and held time together", async () => {
    const [job] = await rows(prices());
    expect(job).toEqual({
      JobID: "4711",
      JobName: "train",
      User: "alice",
      Account: "vision",
      Partition: "gpu",
      NodeList: "node-a",
      Start: "1970-01-01T00:00:00Z",
      End: "1970-01-01T03:00:00Z",
      ElapsedRaw: "7200",
      AllocTRES: "gres/gpu=2",
      TRESUsageInAve: "gres/gpuutil=75",
      ConsumedEnergyRaw: "7200000",
      GPUSeconds: "14400.000",
      Cost: "12.000000000",
      Currency: "EUR",
      Owner: "job:slurm:4711",
    });
  });

  it("has the job's number from its key where nothing is proven, and none of who is no job", async () => {
    const [, ...others] = await rows(prices());
    expect(others.map(({ JobID, User, Owner }) => [JobID, User, Owner])).toEqual([
      ["4712", "", "job:slurm:4712"],
      ["", "bob", "user:bob"],
      ["", "", "idle"],
    ]);
    expect(others[2]).toMatchObject({ GPUSeconds: "0.001", TRESUsageInAve: "" });
    expect(others[2]?.ConsumedEnergyRaw).toBe("");
  });

  it.each(["", "allocation: { idleFree: even }\noverhead: [{ name: rent, perGpuHour: 0.1 }]\n"])(
    "sums to the report's cost with %j",
    async (more) => {
      const list = prices(more);
      const json: unknown = JSON.parse(
        String(await makeReport({ groupBy: ["label"], format: "json" }, ledger, list, 3 * HOUR)),
      );
      const { totals } = json as { totals: { cost: string; allocatedCost?: string } };
      const sum = (await rows(list)).reduce(
        (acc, row) => acc + (parseNanos(row.Cost ?? "") ?? 0n),
        0n,
      );
      expect(sum).toBe(more === "" ? 18_000_000_000n : 18_600_000_000n);
      if (more === "") expect(sum).toBe(parseNanos(totals.cost));
    },
  );

  it("has no cost without a price list", async () => {
    for (const row of await rows(undefined)) expect([row.Cost, row.Currency]).toEqual(["", ""]);
  });
});
