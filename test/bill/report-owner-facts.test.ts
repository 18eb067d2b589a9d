import { describe, expect, it } from "vitest";
import { buildReport } from "../../src/bill/report.ts";
import type { GroupKey } from "../../src/bill/report-types.ts";
import type { KnownOwner } from "../../src/ledger/contract.ts";
import { type OwnerFacts, parseOwnerKey, UNATTRIBUTED } from "../../src/model/owner.ts";
import { MemoryLedger } from "../support/memory-ledger.ts";
import { gpu, slice } from "../support/slices.ts";

const known = (key: string, proven: OwnerFacts, declared: OwnerFacts = {}): KnownOwner => ({
  node: "n",
  key,
  atMs: 0,
  owner: parseOwnerKey(key) ?? UNATTRIBUTED,
  rule: "r",
  reason: "",
  proven,
  declared,
  conflicts: [],
});

const ledger = new MemoryLedger({
  gpus: [gpu("G")],
  slices: [
    slice("G", 0, 1000, "job:slurm:1", "training-like"),
    slice("G", 1000, 3000, "job:slurm:2", "training-like"),
    slice("G", 3000, 6000, "user:bob", "other"),
    slice("G", 6000, 10_000, "container:3f2a9c1d5e7b", "other"),
    slice("G", 10_000, 15_000, "idle", "idle"),
  ],
  owners: [
    known("job:slurm:1", { user: "alice", team: "vision", costCentre: "4100" }),
    known("job:slurm:2", { user: "alice", team: "speech" }, { costCentre: "4100" }),
    known("container:3f2a9c1d5e7b", {}, { team: "vision" }),
  ],
});

describe("a report by what is known of owners", () => {
  it.each<[GroupKey, Record<string, number>]>([
    ["user", { alice: 3000, bob: 3000, "(not known)": 4000, idle: 5000 }],
    ["team", { vision: 1000, speech: 2000, "(not known)": 7000, idle: 5000 }],
    ["cost-centre", { "4100": 1000, "(not known)": 9000, idle: 5000 }],
  ])("by %s sums what is proven, and leaves out what is only said", async (key, times) => {
    const report = await buildReport({
      ledger,
      prices: undefined,
      window: { fromMs: 0, toMs: 15_000 },
      groupBy: [key],
      nowMs: 20_000,
    });
    const found = Object.fromEntries(report.lines.map(({ group, gpuMs }) => [group[key], gpuMs]));
    expect(found).toEqual(times);
    expect(report.reconciliation.ok).toBe(true);
  });
});
