import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { DEMO_FILE, DEMO_SEED, DEMO_START_MS, demoLines } from "../../../bench/demo/generate.ts";
import type { Observation } from "../../../src/model/observation.ts";
import type { GpuSample, ProcessSample } from "../../../src/model/sample.ts";
import { readAll } from "./support/files.ts";

describe("the demonstration's recording", () => {
  let observations: Observation[] = [];
  let warnings: unknown[] = [];

  beforeAll(async () => {
    const read = await readAll(fileURLToPath(DEMO_FILE));
    observations = read.observations;
    warnings = read.reader.warnings;
  });

  function samples(gpu: number, fromSecond: number, toSecond: number): GpuSample[] {
    return within(fromSecond, toSecond).filter(
      (seen): seen is GpuSample => seen.kind === "gpu" && seen.gpu === gpu,
    );
  }

  function processes(gpu: number, fromSecond: number, toSecond: number): ProcessSample[] {
    return within(fromSecond, toSecond).filter(
      (seen): seen is ProcessSample => seen.kind === "processes" && seen.gpu === gpu,
    );
  }

  function within(fromSecond: number, toSecond: number): Observation[] {
    const [fromMs, toMs] = [DEMO_START_MS + fromSecond * 1000, DEMO_START_MS + toSecond * 1000];
    return observations.filter(
      (seen) => "atMs" in seen && Number(seen.atMs) >= fromMs && Number(seen.atMs) < toMs,
    );
  }

  function mean(list: readonly GpuSample[], field: "powerWatts" | "gpuUtil" | "memUtil"): number {
    return list.reduce((sum, sample) => sum + (sample[field] ?? Number.NaN), 0) / list.length;
  }

  it("is what its generator makes, and another seed makes another", () => {
    const shipped = gunzipSync(readFileSync(DEMO_FILE)).toString();
    expect(`${demoLines(DEMO_SEED).join("\n")}\n`).toBe(shipped);
    expect(demoLines(DEMO_SEED + 1).join("\n")).not.toBe(shipped.trim());
    expect(statSync(DEMO_FILE).size).toBeLessThan(500_000);
  });

  it("is read without a warning and says that it is simulated", () => {
    expect(warnings).toEqual([]);
    expect(observations[0]).toMatchObject({
      node: "demo-node",
      simulated: true,
      source: "simulated",
    });
  });

  it("has an energy counter that agrees with its power", () => {
    for (const gpu of [0, 1]) {
      const list = samples(gpu, 410, 1200);
      const joules = (list.at(-1)?.energyJoules ?? 0) - (list[0]?.energyJoules ?? 0);
      expect(joules / 789 / mean(list, "powerWatts")).toBeCloseTo(1, 1);
      for (const sample of samples(gpu, 0, 1200))
        expect(sample.powerWatts).toBeLessThanOrEqual(700);
    }
  });

  it("mines on GPU 1 for over 5 minutes, flat and beside memory, and then rests for over 6", () => {
    const mining = samples(1, 503, 820);
    expect(Math.min(...mining.map(({ powerWatts }) => powerWatts ?? 0))).toBeGreaterThan(550);
    expect(mean(mining, "memUtil")).toBeLessThan(0.02);
    expect(mean(samples(1, 822, 1200), "gpuUtil")).toBe(0);
    const argv = processes(1, 500, 820).map(({ list }) => list[0]?.argv?.join(" "));
    expect(new Set(argv).size).toBe(1);
    expect(argv[0]).toContain("stratum+tcp://pool.invalid:3333");
  });

  it("has a tunnel beside the miner, in the miner's container", () => {
    const miner = processes(1, 500, 505)[0]?.list[0];
    const host = within(500, 505).find(({ kind }) => kind === "host");
    const tunnel = host?.kind === "host" && host.list.find(({ comm }) => comm === "ssh");
    expect(tunnel).toMatchObject({ cgroup: miner?.cgroup, ppid: miner?.ppid });
    expect(miner?.cgroup).toMatch(/docker-[0-9a-f]{64}\.scope$/);
  });

  it("is busy on GPU 0 for a minute with nobody to be seen", () => {
    expect(mean(samples(0, 762, 820), "gpuUtil")).toBe(1);
    const seen = processes(0, 760, 820);
    expect(seen).toHaveLength(12);
    for (const { list } of seen) expect(list).toEqual([]);
  });

  it("has a stretch nobody sampled, and says so", () => {
    expect(samples(0, 394, 406)).toEqual([]);
    expect(samples(0, 393, 394)).toHaveLength(1);
    expect(samples(0, 406, 407)).toHaveLength(1);
    const gaps = observations.filter(({ kind }) => kind === "gap");
    expect(gaps).toMatchObject([
      { fromMs: DEMO_START_MS + 394_000, toMs: DEMO_START_MS + 406_000 },
    ]);
  });

  it("names no host that could ever be reached", () => {
    const shown = JSON.stringify(observations);
    for (const [host] of shown.matchAll(/[a-z0-9-]+\.(com|net|org|io|xyz)\b/g))
      expect(host).toBe("none");
  });
});
