import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { loadShippedData } from "../../../src/config/data.ts";
import { ownerKey } from "../../../src/model/owner.ts";
import type { Slice } from "../../../src/model/slice.ts";
import { Pipeline } from "../../../src/pipeline/pipeline.ts";
import { linesOf, truths } from "../../simulate/support.ts";

const specOf = (name: string): object =>
  parse(readFileSync(new URL(`../../../data/simulate/${name}`, import.meta.url), "utf8"));

function slicesOf(lines: ReturnType<typeof linesOf>): Slice[] {
  const pipeline = new Pipeline({
    ...loadShippedData(),
    agentPids: () => new Set(),
    agentVersion: "0",
    scaleOf: () => ({ origin: "none" }),
  });
  const events = lines.flatMap((line) => {
    if (line.kind === "truth" || line.kind === "phase") return [];
    const found = pipeline.push(line);
    return line.kind === "gpu"
      ? [...found, ...pipeline.push({ kind: "tick", atMs: line.atMs - 1 })]
      : found;
  });
  return [...events, ...pipeline.flush()].flatMap((event) =>
    event.kind === "final" ? event.result.slices : [],
  );
}

const isHidden = ({ evidence }: Slice): boolean =>
  evidence.some(({ feature }) => feature === "hiddenUse");

describe("a simulated node that is shared (data/simulate/hidden.yaml)", () => {
  const lines = linesOf(specOf("hidden.yaml"));
  const all = slicesOf(lines);
  const on = (gpu: number) => all.filter(({ gpuUuid }) => gpuUuid.endsWith(`${gpu}`));
  const bases = (gpu: number) => [
    ...new Set(
      on(gpu)
        .filter(({ owner, timeMs }) => owner.kind !== "idle" && timeMs > 3000)
        .map(({ owner, basis }) => `${ownerKey(owner)} ${basis}`),
    ),
  ];

  it("has nobody's use where the truth has a miner that no list shows, and only then", () => {
    const miner = truths(lines, 0).filter(
      ({ pid, workload }) => pid !== undefined && workload === "unseen",
    );
    const [fromMs, toMs] = [miner[0]?.fromMs ?? 0, miner.at(-1)?.toMs ?? 0];
    const windows = on(0).filter(isHidden);
    expect(windows.length).toBeGreaterThanOrEqual((toMs - fromMs) / 10_000 - 2);
    for (const { fromMs: from, toMs: to, owner } of windows) {
      expect(from).toBeLessThan(toMs);
      expect(to).toBeGreaterThan(fromMs);
      expect(owner.kind).toBe("unattributed");
    }
    // They take turns: half of the time was his.
    const time = windows.reduce((sum, { timeMs }) => sum + timeMs, 0);
    expect(time / (toMs - fromMs)).toBeCloseTo(0.5, 1);
  });

  it("names the process that the host lacks", () => {
    const first = on(1).find(isHidden);
    expect(first?.basis).toBe("hidden-process");
    expect(first?.evidence.at(-1)?.text).toContain("process 6666");
  });

  it("has the clients of an MPS server, and those whose use is not told", () => {
    expect(bases(2).sort()).toEqual(["user:bob mps-utilization", "user:carol mps-utilization"]);
    expect(bases(3).sort()).toEqual([
      "user:erin process-utilization",
      "user:frank unmeasured-rest",
    ]);
    expect([...on(2), ...on(3)].filter(isHidden)).toEqual([]);
  });

  it("draws at rest what the data sheet says, at work too", () => {
    const rests = all.filter(({ owner }) => owner.kind === "user" || owner.kind === "idle");
    for (const { idleEnergyMj = 0, timeMs, energyMj = 0 } of rests) {
      expect(idleEnergyMj).toBeLessThanOrEqual(energyMj);
      if (timeMs > 5000) expect(idleEnergyMj / timeMs).toBeCloseTo(40, 0);
    }
  });
});

describe("simulated nodes on which nobody hides", () => {
  it.each(["serving.yaml", "duty-cycled-miner.yaml", "mixed-faults.yaml"])(
    "no use is called hidden in %s, however it swings",
    (name) => {
      expect(slicesOf(linesOf(specOf(name))).filter(isHidden)).toEqual([]);
    },
  );

  it("none of a renderer's that swings second by second, beside a device on which somebody does hide", () => {
    const spec = z.looseObject({ node: z.looseObject({}) }).parse(specOf("hidden-miner.yaml"));
    const slices = slicesOf(linesOf({ ...spec, node: { ...spec.node, processes: "1s" } }, 2));
    const hidden = slices.filter(isHidden);
    expect(hidden.length).toBeGreaterThan(40);
    expect(hidden.every(({ gpuUuid }) => gpuUuid.endsWith("0"))).toBe(true);
  });
});
