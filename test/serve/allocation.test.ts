import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { createMetrics } from "../../src/export/prometheus.ts";
import type { KnownOwner } from "../../src/ledger/contract.ts";
import { type Server, createServer } from "../../src/serve/server.ts";
import type { ServerSettings } from "../../src/serve/settings.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { gpu, slice } from "../support/slices.ts";

const HOUR = 3_600_000;
const START = Date.parse("2026-03-02T00:00:00Z");
const KWH = 3_600_000_000;

const pod: KnownOwner = {
  owner: { kind: "pod", id: "vision/train-0" },
  key: "pod:vision/train-0",
  node: "node-a",
  atMs: 0,
  rule: "kubernetes-pod",
  reason: "",
  proven: { namespace: "vision", pod: "train-0", podContainer: "main", user: "alice" },
  declared: {},
  conflicts: [],
};

/** Four hours: a pod works, then holds the device, then nobody has it; the last hour has no slice. */
const ledger = new MemoryLedger({
  gpus: [gpu("G", { firstSeenMs: START })],
  owners: [pod],
  slices: [
    slice("G", START, START + HOUR, "pod:vision/train-0", "training-like", {
      timeMs: HOUR / 4,
      energyMj: KWH,
    }),
    slice("G", START, START + HOUR, "user:bob", "other", { timeMs: (3 * HOUR) / 4 }),
    slice("G", START + HOUR, START + 2 * HOUR, "idle:pod:vision/train-0", "idle"),
    slice("G", START + 2 * HOUR, START + 3 * HOUR, "idle", "idle"),
  ],
});

const prices = parsePriceList(
  "currency: USD\ndefault: { perGpuHour: 2 }\nenergy: [{ perKwh: 0.5, from: 2026-01-01 }]\n",
  "prices.yaml",
);

const answerSchema = z.object({
  code: z.literal(200),
  status: z.literal("success"),
  data: z.array(z.record(z.string(), z.record(z.string(), z.unknown()))),
});

const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function asked(query: string, extra: Partial<ServerSettings> = {}) {
  const server = createServer({
    ledger,
    prices: () => prices,
    metrics: createMetrics({ agentVersion: "1", modelVersion: "2", node: "n" }),
    health: () => ({ node: "n", agentVersion: "1", startedAtMs: 0, reasons: [] }),
    nowMs: () => START + 4 * HOUR,
    ...extra,
  });
  open.push(server);
  const { url } = await server.listen("127.0.0.1", 0);
  const response = await fetch(`${url}${query}`);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

async function sets(query: string, extra: Partial<ServerSettings> = {}) {
  const { status, body } = await asked(`/allocation/compute?${query}`, extra);
  expect(status).toBe(200);
  return answerSchema.parse(JSON.parse(body)).data;
}

describe("/allocation/compute", () => {
  it("tells what each owner had and held, and what nobody had, in one set", async () => {
    const [set = {}, ...more] = await sets("window=4h&aggregate=owner");
    expect(more).toEqual([]);
    expect(Object.keys(set).sort()).toEqual([
      "__idle__",
      "__unobserved__",
      "pod:vision/train-0",
      "user:bob",
    ]);
    expect(set["pod:vision/train-0"]).toEqual({
      name: "pod:vision/train-0",
      properties: {
        node: "node-a",
        providerID: "G",
        gpuModel: "NVIDIA H100 80GB HBM3",
        namespace: "vision",
        pod: "train-0",
        container: "main",
      },
      window: { start: "2026-03-02T00:00:00Z", end: "2026-03-02T04:00:00Z" },
      start: "2026-03-02T00:00:00Z",
      end: "2026-03-02T04:00:00Z",
      minutes: 240,
      gpuHours: 1.25,
      gpuCost: 2.5,
      gpuCostIdle: 2,
      gpuUsageAverage: 0.2,
      energyCost: 0.5,
      energyKwh: 1,
      sharedCost: 0,
      totalCost: 3,
    });
    expect(set["__idle__"]).toMatchObject({ gpuHours: 1, gpuCost: 2, gpuCostIdle: 2 });
    expect(set["__idle__"]).not.toHaveProperty("gpuUsageAverage");
    expect(set["__unobserved__"]).toMatchObject({ gpuHours: 1, gpuCostIdle: 0, totalCost: 2 });
  });

  it("has a set for each step, and they sum to the whole", async () => {
    const steps = await sets("window=today&aggregate=namespace&step=1h");
    expect(steps.map((set) => Object.keys(set).sort())).toEqual([
      ["__unallocated__", "vision"],
      ["vision"],
      ["__idle__"],
      ["__unobserved__"],
    ]);
    expect(steps[1]?.vision).toMatchObject({
      start: "2026-03-02T01:00:00Z",
      end: "2026-03-02T02:00:00Z",
      minutes: 60,
      gpuHours: 1,
    });
    const costs = steps.flatMap((set) => Object.values(set).map(({ totalCost }) => totalCost));
    expect(costs.reduce<number>((sum, cost) => sum + Number(cost), 0)).toBe(8.5);
  });

  it.each([
    ["pod", ["__idle__", "__unallocated__", "__unobserved__", "train-0"]],
    [
      "user,pod",
      [
        "__idle__/__idle__",
        "__unobserved__/__unobserved__",
        "alice/train-0",
        "bob/__unallocated__",
      ],
    ],
    ["node", ["node-a"]],
    ["label", ["__idle__", "__unobserved__", "idle", "other", "training-like"]],
  ])("aggregates by %s", async (aggregate, names) => {
    const [set = {}] = await sets(`window=4h&aggregate=${aggregate}`);
    expect(Object.keys(set).sort()).toEqual(names);
  });

  it("shares idle time as the price list says, and still sums to the whole", async () => {
    const shared = parsePriceList(
      "currency: USD\ndefault: { perGpuHour: 2 }\nallocation: { idleFree: even }\n",
      "prices.yaml",
    );
    const [set = {}] = await sets("window=4h", { prices: () => shared });
    expect(set["user:bob"]).toMatchObject({ gpuCost: 1.5, sharedCost: 1, totalCost: 2.5 });
    expect(set["__idle__"]).toMatchObject({ gpuCost: 2, sharedCost: -2, totalCost: 0 });
    const total = Object.values(set).reduce((sum, { totalCost }) => sum + Number(totalCost), 0);
    expect(total).toBe(8);
  });

  it("has hours and no costs without a price list, and an empty set where nothing was", async () => {
    const [set = {}] = await sets("window=4h", { prices: () => undefined });
    expect(set["user:bob"]).toMatchObject({ gpuHours: 0.75 });
    expect(set["user:bob"]).not.toHaveProperty("gpuCost");
    expect(await sets("window=2020-01-01,2020-01-03&step=1d")).toEqual([{}, {}]);
  });

  it.each([
    ["", "window"],
    ["window=", "window"],
    ["window=sometime", "window"],
    ["window=24h&window=48h", "window"],
    ["window=24h&aggregate=colour", "aggregate"],
    ["window=24h&aggregate=day", "aggregate"],
    ["window=24h&step=often", "step"],
    ["window=24h&step=0h", "step"],
    ["window=1001h&step=1h", "step"],
    ["window=24h&accumulate=true", "accumulate"],
  ])("refuses %j, naming %s", async (query, place) => {
    const { status, body } = await asked(`/allocation/compute?${query}`);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { code: "request/invalid", place } });
  });

  it("takes as many steps as it says", async () => {
    expect(await sets("window=1000h&step=1h")).toHaveLength(1000);
  });
});

describe("/api/v1/report", () => {
  it.each([
    ["markdown", "text/markdown; charset=utf-8", null, "### GPU time"],
    ["slurm", "text/plain; charset=utf-8", null, "JobID|JobName|User"],
    ["opencost", "application/json; charset=utf-8", null, "{"],
    ["csv", "text/csv; charset=utf-8; header=present", "report.csv", "from,to,"],
    ["focus-csv", "text/csv; charset=utf-8; header=present", "report.csv", "AllocatedMethod"],
    ["focus-parquet", "application/vnd.apache.parquet", "report.parquet", "PAR1"],
  ])("comes as %s", async (format, type, file, start) => {
    const { status, headers, body } = await asked(`/api/v1/report?format=${format}`);
    expect({ status, type: headers.get("content-type") }).toEqual({ status: 200, type });
    const disposition = headers.get("content-disposition");
    expect(disposition).toBe(file === null ? null : `attachment; filename="${file}"`);
    expect(body.slice(0, start.length)).toBe(start);
  });

  it("says who bills, in the FOCUS that is asked for", async () => {
    const billing = { provider: "Example University" };
    const { body } = await asked("/api/v1/report?format=focus-csv&focusVersion=1.2", { billing });
    expect(body.startsWith("BilledCost,BillingAccountId")).toBe(true);
    expect(body).toContain("Example University");
  });

  it("is of a month or a day in a time zone", async () => {
    const { body } = await asked("/api/v1/report?day=2026-03-02&timeZone=Europe/Berlin");
    expect(JSON.parse(body)).toMatchObject({ window: { from: "2026-03-01T23:00:00Z" } });
  });

  it.each([
    ["format=focus-csv&focusVersion=1.4", "request/invalid"],
    ["timeZone=Mars", "report/window"],
    ["month=2026-13", "report/window"],
    ["day=2026-03-02&from=-1h", "report/window"],
    ["format=pdf", "request/invalid"],
  ])("refuses %s", async (query, code) => {
    const { status, body } = await asked(`/api/v1/report?${query}`);
    expect({ status, body: JSON.parse(body) }).toMatchObject({
      status: 400,
      body: { error: { code } },
    });
  });

  it("refuses FOCUS without prices as what cannot be given", async () => {
    const { status, body } = await asked("/api/v1/report?format=focus-parquet", {
      prices: () => undefined,
    });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { code: "report/format" } });
  });
});
