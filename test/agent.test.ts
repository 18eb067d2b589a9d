import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AgentParts, runAgent } from "../src/agent.ts";
import { recordingPipeline } from "../src/cli/label-recording.ts";
import { loadShippedData } from "../src/config/data.ts";
import type { LedgerBatch } from "../src/ledger/contract.ts";
import type { Incident } from "../src/model/incident.ts";
import type { NodeObservation, Observation } from "../src/model/observation.ts";
import type { Slice } from "../src/model/slice.ts";
import { Pipeline } from "../src/pipeline/pipeline.ts";
import { deviceScale } from "../src/signature/scale.ts";
import { incident } from "./ledger/fixtures/make.ts";

/** The start of a window. */
const T0 = 1_800_000_000_000;
const MAX_BATCH_SLICES = 500;

const nodeOf = (gpus: number): NodeObservation => ({
  kind: "node",
  node: "n1",
  source: "a test",
  simulated: true,
  intervalMs: 1000,
  gpus: Array.from({ length: gpus }, (_, index) => ({
    index,
    uuid: `GPU-${index}`,
    model: "Test GPU",
  })),
});

const second = (at: number, gpus: number): Observation[] =>
  Array.from({ length: gpus }, (_, gpu) => ({
    kind: "gpu" as const,
    atMs: T0 + at * 1000,
    gpu,
    gpuUtil: 0.9,
    powerWatts: 300,
  }));
const tick = (at: number): Observation => ({ kind: "tick", atMs: T0 + at * 1000 });

const contextAt = (at: number, id: string): Observation => ({
  kind: "context",
  atMs: T0 + at * 1000,
  fromMs: T0,
  tool: "bash",
  id,
});

async function* stream(of: readonly Observation[]): AsyncGenerator<Observation> {
  yield* of;
}

interface Seen {
  batches: LedgerBatch[];
  watched: Slice[];
  slices: Slice[];
}

async function run(
  observations: readonly Observation[],
  over: Partial<AgentParts> = {},
): Promise<Seen> {
  const seen: Seen = { batches: [], watched: [], slices: [] };
  await runAgent(stream(observations), {
    pipeline: recordingPipeline(),
    write: (batch) => seen.batches.push(batch),
    written: async () => {},
    alert: () => ({ incidents: [], outbox: [] }),
    watch: { slices: (slices) => seen.watched.push(...slices) },
    ...over,
  });
  seen.slices = seen.batches.flatMap((batch) => [...(batch.slices ?? [])]);
  return seen;
}

const nameOf = ({ gpuUuid, fromMs, owner }: Slice): string => `${gpuUuid} ${fromMs} ${owner.kind}`;

/** What the pipeline alone makes of the same observations. */
function finalOf(observations: readonly Observation[]): string[] {
  const pipeline = recordingPipeline();
  const events = [...observations.flatMap((each) => pipeline.push(each)), ...pipeline.flush()];
  return events.flatMap((event) => (event.kind === "final" ? event.result.slices.map(nameOf) : []));
}

describe("the agent's loop", () => {
  it("hands over every final slice exactly once, to the ledger and to whoever watches", async () => {
    const input = fc.record({
      gpus: fc.integer({ min: 1, max: 3 }),
      seconds: fc.integer({ min: 0, max: 45 }),
      tickEvery: fc.integer({ min: 1, max: 60 }),
      hole: fc.integer({ min: 0, max: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(input, async ({ gpus, seconds, tickEvery, hole }) => {
        const observations: Observation[] = [nodeOf(gpus)];
        for (let at = 0; at < seconds; at++) {
          const later = at < seconds / 2 ? at : at + hole;
          observations.push(...second(later, gpus));
          if (at % tickEvery === 0) observations.push(tick(later));
        }
        const { slices, watched } = await run(observations);
        const names = slices.map(nameOf);
        expect(new Set(names).size).toBe(names.length);
        expect(names).toEqual(finalOf(observations));
        expect(watched).toEqual(slices);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps what was measured before a source breaks off with an error", async () => {
    const before = [nodeOf(1), ...Array.from({ length: 25 }, (_, i) => second(i, 1)).flat()];
    async function* breaking(): AsyncGenerator<Observation> {
      yield* before;
      throw new Error("line 26 is broken");
    }
    const batches: LedgerBatch[] = [];
    const parts: AgentParts = {
      pipeline: recordingPipeline(),
      write: (batch) => batches.push(batch),
      written: async () => {},
      alert: () => ({ incidents: [], outbox: [] }),
      watch: {},
    };
    await expect(runAgent(breaking(), parts)).rejects.toThrow("line 26 is broken");
    const { slices } = await run(before);
    expect(slices.length).toBeGreaterThan(0);
    expect(batches.flatMap((batch) => batch.slices ?? [])).toEqual(slices);
  });

  it("keeps batches bounded where no tick ever comes", async () => {
    const gpus = 40;
    const observations: Observation[] = [nodeOf(gpus)];
    for (let at = 0; at < 320; at += 2) observations.push(...second(at, gpus));
    const { batches, slices } = await run(observations);
    const sizes = batches.map((batch) => batch.slices?.length ?? 0);
    expect(slices.length).toBeGreaterThan(2 * MAX_BATCH_SLICES);
    // All but the last, which holds what the end of the input closed: some windows of each device.
    expect(Math.max(...sizes.slice(0, -1))).toBeLessThan(MAX_BATCH_SLICES + 10);
    expect(sizes.at(-1)).toBeLessThan(MAX_BATCH_SLICES + 4 * gpus);
  });

  it("waits for the disk after every batch but the last, so that a replay keeps its pace", async () => {
    const order: string[] = [];
    const observations: Observation[] = [nodeOf(1)];
    for (let at = 0; at < 60; at++) observations.push(...second(at, 1), tick(at));
    await run(observations, {
      write: () => order.push("write"),
      written: async () => void order.push("written"),
    });
    const pairs = order.slice(0, -1).join(" ").split("write written").length - 1;
    expect(pairs).toBeGreaterThan(2);
    expect(order).toHaveLength(2 * pairs + 1);
  });

  it("lets an incident and its message ride in the batch of the slice they come from", async () => {
    const observations: Observation[] = [nodeOf(2)];
    for (let at = 0; at < 60; at++) observations.push(...second(at, 2), tick(at));
    const told: Incident[] = [];
    const { batches } = await run(observations, {
      alert: ({ slices }) => {
        const incidents = slices.map((slice) => incident({ id: nameOf(slice) }));
        const outbox = incidents.map(({ id }) => {
          const message = { id, endpoint: "ops", type: "incident.opened", body: "{}" };
          return { ...message, createdAtMs: 0 };
        });
        return { incidents, outbox };
      },
      watch: { incident: (each) => told.push(each) },
    });
    let count = 0;
    for (const { slices = [], incidents = [], outbox = [] } of batches) {
      expect(incidents.map(({ id }) => id)).toEqual(slices.map(nameOf));
      expect(outbox.map(({ id }) => id)).toEqual(slices.map(nameOf));
      count += incidents.length;
    }
    expect(count).toBeGreaterThan(5);
    expect(told).toHaveLength(count);
  });

  it("lets time pass for the alerts where nothing was finished", async () => {
    const times: number[] = [];
    await run([nodeOf(1), tick(1), tick(2)], {
      alert: (_news, atMs) => {
        times.push(atMs);
        return { incidents: [], outbox: [] };
      },
    });
    expect(times).toEqual([T0 + 1000, T0 + 2000, T0 + 2000]);
  });
});

describe("who was there", () => {
  it("reaches the ledger with the slices: owners and processes, without variables and secrets", async () => {
    const alice = {
      pid: 10,
      startTimeMs: T0 - 1000,
      user: "alice",
      argv: ["python", "train.py", "--token", "s3cret"],
      environ: { RAY_JOB_ID: "01000000" },
    };
    const list: Observation = { kind: "processes", atMs: T0 + 1000, gpu: 0, list: [alice] };
    const { batches } = await run([nodeOf(1), ...second(1, 1), list, tick(2), tick(3)]);
    const owners = batches.flatMap((batch) => batch.owners ?? []);
    const processes = batches.flatMap((batch) => batch.processes ?? []);
    expect(owners).toMatchObject([
      { key: "job:ray:alice/01000000", rule: "ray-declared", proven: { user: "alice" } },
    ]);
    expect(processes).toMatchObject([
      { pid: 10, ownerKey: "job:ray:alice/01000000", command: "python train.py --token ***" },
    ]);
    expect(JSON.stringify(processes)).not.toMatch(/s3cret|RAY_JOB_ID/);
  });
});

describe("after a restart", () => {
  /** The pipeline of a daemon whose ledger ends at `endMs`. */
  function resuming(endMs: number): Pipeline {
    const { model, indicators, purposes, limits } = loadShippedData();
    return new Pipeline({
      model,
      indicators,
      purposes,
      scaleOf: (gpu) => deviceScale(gpu, limits, []),
      agentPids: () => new Set(),
      agentVersion: "0.0.0",
      resumeAtMs: () => endMs,
    });
  }

  const gap = (fromMs: number, toMs: number): Observation => {
    return { kind: "gap", source: "nvml", gpu: 0, fromMs, toMs, reason: "lost" };
  };
  const minute: Observation[] = [nodeOf(1)];
  for (let at = 0; at < 60; at++) minute.push(...second(at, 1), tick(at));

  it("begins where the ledger ends, and tells no gap that is in it", async () => {
    const endMs = T0 + 30_000;
    const [first, ...rest] = minute;
    if (!first) throw new Error("a minute begins with its node");
    const told = [first, gap(T0, endMs), gap(endMs - 5000, endMs + 1), ...rest];
    const { slices, batches } = await run(told, {
      pipeline: resuming(endMs),
      lastSliceEnds: new Map([["GPU-0", endMs]]),
    });
    expect(Math.min(...slices.map((slice) => slice.fromMs))).toBe(endMs);
    const gaps = batches.flatMap((batch) => [...(batch.gaps ?? [])]);
    expect(gaps.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([[endMs - 5000, endMs + 1]]);
  });

  it("tells of the downtime once, also when the device goes away and comes back", async () => {
    const endMs = T0 - 60_000;
    const observations = [...minute.slice(0, 32), nodeOf(0), nodeOf(1), ...minute.slice(35)];
    const { slices, batches } = await run(observations, {
      pipeline: resuming(endMs),
      lastSliceEnds: new Map([["GPU-0", endMs]]),
    });
    const gaps = batches.flatMap((batch) => [...(batch.gaps ?? [])]);
    expect(gaps).toMatchObject([{ fromMs: endMs, toMs: T0, source: "agent" }]);
    // The window in which it went was closed as it was: the device goes on with the next one.
    const sums = new Map<number, number>();
    for (const { fromMs, timeMs } of slices) sums.set(fromMs, (sums.get(fromMs) ?? 0) + timeMs);
    expect([...sums.keys()]).toEqual([0, 1, 2, 3, 4, 5].map((i) => T0 + i * 10_000));
    expect(new Set(sums.values())).toEqual(new Set([10_000]));
  });
});

describe("run contexts", () => {
  it("go to the ledger with the next tick, and with the end, though no device is there", async () => {
    const { batches } = await run([
      contextAt(0, "a"),
      contextAt(0, "b"),
      tick(1),
      tick(2),
      contextAt(3, "c"),
    ]);
    expect(batches.map(({ contexts }) => contexts?.map((each) => each.id))).toEqual([
      ["a", "b"],
      ["c"],
    ]);
  });

  it("are kept in bounded number between two ticks, and what is lost is counted", async () => {
    const lost: number[] = [];
    const flood = Array.from({ length: 5003 }, (_, i) => contextAt(0, String(i)));
    const { batches } = await run([...flood, tick(1), contextAt(1, "after"), tick(2)], {
      watch: { lostContexts: (count) => lost.push(count) },
    });
    expect(batches.map(({ contexts }) => contexts?.length)).toEqual([5000, 1]);
    expect(lost).toEqual([3]);
  });
});
