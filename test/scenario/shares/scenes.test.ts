import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { loadShippedData } from "../../../src/config/data.ts";
import type { NodeObservation, Observation } from "../../../src/model/observation.ts";
import { ownerKey } from "../../../src/model/owner.ts";
import type { GpuInfo, ProcessSighting } from "../../../src/model/sample.ts";
import { brokenShareLaw, type Slice } from "../../../src/model/slice.ts";
import type { WindowResult } from "../../../src/pipeline/events.ts";
import { Pipeline } from "../../../src/pipeline/pipeline.ts";

const scenes = z
  .array(
    z.strictObject({
      name: z.string(),
      why: z.string(),
      gpuUtil: z.number().optional(),
      smActive: z.number().optional(),
      partial: z.boolean().optional(),
      list: z.array(z.looseObject({ pid: z.int() })).optional(),
      /** Of the busy time. */
      shares: z.record(z.string(), z.number()),
      hidden: z.boolean().default(false),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL("scenes.json", import.meta.url), "utf8")));

const REST_S = 20;
const END_S = 60;
const REST_WATTS = 60;

const card: GpuInfo = { index: 0, uuid: "GPU-0", model: "NVIDIA H100 80GB HBM3" };

const nodeOf = (gpus: readonly GpuInfo[]): NodeObservation => ({
  kind: "node",
  node: "n1",
  source: "nvml",
  simulated: true,
  intervalMs: 1000,
  gpus,
});

function results(observations: readonly Observation[]): WindowResult[] {
  const pipeline = new Pipeline({
    ...loadShippedData(),
    agentPids: () => new Set(),
    agentVersion: "0",
    scaleOf: () => ({ origin: "none" }),
  });
  const events = [...observations.flatMap((each) => pipeline.push(each)), ...pipeline.flush()];
  expect(pipeline.drops).toBe(0);
  return events.flatMap((event) => (event.kind === "final" ? [event.result] : []));
}

/** Rest, and then work, a reading and a list a second. */
function observed(scene: (typeof scenes)[number], gpu = 0): Observation[] {
  const { gpuUtil, smActive, partial, list } = scene;
  return Array.from({ length: END_S + 1 }, (_, second): Observation[] => {
    const works = second > REST_S;
    const reading = works ? { gpuUtil, smActive, powerWatts: 400 } : { powerWatts: REST_WATTS };
    const idle = gpuUtil === undefined ? { smActive: 0 } : { gpuUtil: 0 };
    const atMs = second * 1000;
    return [
      { kind: "gpu", gpu, atMs, ...(works ? {} : idle), ...reading },
      ...(list
        ? [
            {
              kind: "processes" as const,
              gpu,
              atMs,
              ...(partial && { partial }),
              list: works ? list.map((each): ProcessSighting => ({ ...each })) : [],
            },
          ]
        : []),
      { kind: "tick", atMs },
    ];
  }).flat();
}

const hiddenIn = (slices: readonly Slice[]) =>
  slices.filter(({ evidence }) => evidence.some(({ feature }) => feature === "hiddenUse"));

describe("a device that is shared", () => {
  it.each(scenes)("$name: $why", (scene) => {
    const found = results([nodeOf([card]), ...observed(scene)]);
    for (const { window, slices } of found)
      expect(
        brokenShareLaw(
          window,
          slices.map((each) => ({ ...each, pids: [] })),
        ),
      ).toBeUndefined();
    // The last whole window but one: lists and readings around it are all there.
    const { slices } = found.find(({ window }) => window.fromMs === 40_000) ?? { slices: [] };
    const shares = slices.map(({ owner, basis, timeMs }) => [
      `${ownerKey(owner)} ${basis}`,
      timeMs / 10_000,
    ]);
    expect(Object.fromEntries(shares)).toEqual(scene.shares);
    const suspicious = hiddenIn(slices);
    expect(suspicious.length).toBe(scene.hidden ? 1 : 0);
    for (const { owner, evidence } of suspicious) {
      expect(owner.kind).toBe("unattributed");
      expect(evidence.at(-1)).toMatchObject({
        family: "context",
        feature: "hiddenUse",
        weights: {},
      });
    }
  });

  it.each(scenes)("has its energy split to the millijoule: $name", (scene) => {
    const found = results([nodeOf([card]), ...observed(scene)]);
    const all = found.flatMap(({ slices }) => slices);
    const sum = (of: (slice: Slice) => number): number =>
      all.reduce((to, each) => to + of(each), 0);
    expect(sum(({ energyMj = 0 }) => energyMj)).toBe(
      (REST_S * REST_WATTS + (END_S - REST_S) * 400) * 1000,
    );
    // Rest draws the same all the time: at work it is a part, and at rest it is all.
    expect(sum(({ idleEnergyMj = 0 }) => idleEnergyMj)).toBe(END_S * REST_WATTS * 1000);
    for (const { energyMj = 0, idleEnergyMj = 0 } of all)
      expect(idleEnergyMj).toBeLessThanOrEqual(energyMj);
  });
});

describe("a card that is divided", () => {
  const part = (place: number): GpuInfo => ({
    index: 100 + place,
    uuid: `MIG-${place}`,
    model: "NVIDIA H100 MIG 3g.40gb",
    parentUuid: card.uuid,
    migProfile: "3g.40gb",
  });
  const scene = scenes.find(({ smActive }) => smActive !== undefined);
  const of = (gpu: number) => (scene ? observed(scene, gpu) : []);
  const inOrder = (all: Observation[][]) =>
    all
      .flat()
      .sort((a, b) => ("atMs" in a ? (a.atMs ?? 0) : 0) - ("atMs" in b ? (b.atMs ?? 0) : 0));

  it("counts by its parts, and what is told of the whole beside them not again", () => {
    const parts = [part(0), part(1)];
    const alone = results([nodeOf(parts), ...inOrder([of(100), of(101)])]);
    const beside = results([nodeOf([card, ...parts]), ...inOrder([of(0), of(100), of(101)])]);
    expect([...new Set(beside.map(({ gpu }) => gpu.uuid))].sort()).toEqual(["MIG-0", "MIG-1"]);
    const total = (all: readonly WindowResult[]) =>
      all.flatMap(({ slices }) => slices).reduce((sum, { timeMs }) => sum + timeMs, 0);
    expect(total(beside)).toBe(total(alone));
  });

  it("counts as one device until it is divided, and from then on by its parts", () => {
    const before = of(0).filter((each) => !("atMs" in each) || (each.atMs ?? 0) <= 30_000);
    const after = of(100).filter((each) => "atMs" in each && (each.atMs ?? 0) > 30_000);
    const found = results([nodeOf([card]), ...before, nodeOf([card, part(0)]), ...after]);
    const ends = (uuid: string) =>
      found.filter(({ gpu }) => gpu.uuid === uuid).map(({ window }) => window.toMs);
    expect(Math.max(...ends("GPU-0"))).toBe(30_000);
    expect(Math.max(...ends("MIG-0"))).toBe(60_000);
  });
});
