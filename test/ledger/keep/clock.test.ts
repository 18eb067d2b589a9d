import { describe, expect, it } from "vitest";
import { runAgent } from "../../../src/agent.ts";
import { CollectorHarness } from "../../../src/collect/harness.ts";
import { liveSource } from "../../../src/collect/live.ts";
import { recordingPipeline } from "../../../src/cli/label-recording.ts";
import { BufferedWriter } from "../../../src/ledger/buffered-writer.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { ScriptedCollector } from "../../support/scripted-collector.ts";
import { opened } from "../fixtures/make.ts";

/** The begin of an hour. */
const AT = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const node: Observation = {
  kind: "node",
  node: "n1",
  source: "a test",
  simulated: true,
  intervalMs: 1000,
  gpus: [{ index: 0, uuid: "GPU-0", model: "Test GPU" }],
};

/** Runs a live node whose wall clock is stepped after five minutes, for `laterMs` more. */
async function stepped(stepMs: number, laterMs: number) {
  const ledger = await opened();
  const clock = new FakeClock(AT);
  const collector = new ScriptedCollector();
  let isFirst = true;
  collector.reading = async (atMs) => {
    const sample: Observation = { kind: "gpu", atMs, gpu: 0, gpuUtil: 0.9, powerWatts: 300 };
    const seen = isFirst ? [node, sample] : [sample];
    isFirst = false;
    return seen;
  };
  const harness = new CollectorHarness([collector], { ...clock, onEvent: () => {} });
  await harness.open();
  const stop = new AbortController();
  const writer = new BufferedWriter({ ledger, maxQueuedBatches: 1000, sleep: clock.sleep });
  const source = liveSource({ harness, intervalMs: 10_000, clock, signal: stop.signal });
  const running = runAgent(source, {
    pipeline: recordingPipeline(),
    write: (batch) => writer.enqueue(batch),
    written: async () => {},
    alert: () => ({ incidents: [], outbox: [] }),
    watch: {},
  });
  await clock.advance(5 * MINUTE_MS);
  clock.step(stepMs);
  await clock.advance(laterMs);
  stop.abort();
  await clock.advance(20_000);
  await running;
  await writer.drained();
  const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
  const [slices, gaps] = [await ledger.slices(all), await ledger.gaps(all)];
  const [whole] = await ledger.usage([0, AT + 10 * HOUR_MS]);
  const sumMs = whole?.rows.reduce((ms, { timeMs }) => ms + timeMs, 0) ?? 0;
  return { slices, gaps, sumMs, status: writer.status() };
}

function windowsOf(slices: readonly { fromMs: number; toMs: number }[]): Set<string> {
  return new Set(slices.map(({ fromMs, toMs }) => `${fromMs} ${toMs}`));
}

describe("a wall clock that is set back by an hour", () => {
  it("counts no time twice, says what is not kept, and measures on when it has caught up", async () => {
    const { slices, gaps, sumMs, status } = await stepped(-HOUR_MS, HOUR_MS + 10 * MINUTE_MS);
    const ends = slices.map(({ toMs }) => toMs);
    expect(Math.max(...ends)).toBeGreaterThan(AT + 10 * MINUTE_MS);
    expect(sumMs).toBe(windowsOf(slices).size * 10_000);
    const clocks = gaps.filter(({ source }) => source === "clock");
    expect(clocks).toMatchObject([
      { reason: expect.stringMatching(/set back by \d+ ms.*not kept/) },
    ]);
    const [{ fromMs = 0, toMs = 0 } = {}] = clocks;
    expect(toMs - fromMs).toBe(HOUR_MS);
    expect(status).toMatchObject({ state: "ok", droppedSlices: 0 });
  });
});

describe("a wall clock that is set ahead by an hour", () => {
  it("leaves a hole with its reason, and measures on at once", async () => {
    const { slices, gaps, sumMs } = await stepped(HOUR_MS, 10 * MINUTE_MS);
    expect(sumMs).toBe(windowsOf(slices).size * 10_000);
    const inside = slices.filter(
      ({ fromMs }) => fromMs > AT + 7 * MINUTE_MS && fromMs < AT + HOUR_MS,
    );
    expect(inside).toEqual([]);
    expect(Math.max(...slices.map(({ toMs }) => toMs))).toBeGreaterThan(
      AT + HOUR_MS + 10 * MINUTE_MS,
    );
    const clocks = gaps.filter(({ source }) => source === "clock");
    expect(clocks).toMatchObject([{ reason: expect.stringContaining("set ahead") }]);
  });
});
