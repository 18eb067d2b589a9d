import { describe, expect, it } from "vitest";
import type { CollectorHealth } from "../../src/collect/contract.ts";
import { DaemonState } from "../../src/daemon/state.ts";
import { AssayError } from "../../src/model/errors.ts";
import { createMetrics } from "../../src/export/prometheus.ts";
import { BufferedWriter, type WriterStatus } from "../../src/ledger/buffered-writer.ts";

const source = (state: CollectorHealth["state"]): CollectorHealth => ({
  name: "nvml",
  state,
  detail: "driver gone",
  successes: 1,
  failures: 0,
  drops: 0,
});

const FULL = new AssayError("ledger/full", "disk is full");

/** A writer in the state that `append` brings it to. */
async function writerAfter(append: () => Promise<void>): Promise<BufferedWriter> {
  const failing = new Promise<WriterStatus>((resolve) => {
    const writer = new BufferedWriter({
      ledger: { append },
      maxQueuedBatches: 10,
      sleep: async () => new Promise(() => {}),
      onChange: resolve,
    });
    writer.enqueue({ gaps: [{ node: "n", source: "s", reason: "r", fromMs: 0, toMs: 1 }] });
    made = writer;
  });
  await Promise.race([failing, made?.drained()]);
  if (!made) throw new Error("no writer");
  return made;
}
let made: BufferedWriter | undefined;

const stateOf = async (more: {
  collectors?: CollectorHealth[];
  append?: () => Promise<void>;
  dead?: number;
}): Promise<DaemonState> => {
  const state = new DaemonState({
    node: "n",
    metrics: createMetrics({ agentVersion: "0", modelVersion: "0", node: "n" }),
    writer: await writerAfter(more.append ?? (async () => {})),
    collectors: () => more.collectors ?? [],
    openIncidents: () => [],
    outboxStatus: async () => ({ due: 0, delivered: 0, dead: more.dead ?? 0 }),
    noteGpu: () => {},
    startedAtMs: 0,
  });
  await state.refresh();
  return state;
};

describe("the daemon's health", () => {
  it("has no reasons while all is well, and an absent source is well", async () => {
    const state = await stateOf({ collectors: [source("ready"), source("absent")] });
    expect(state.health()).toMatchObject({ node: "n", reasons: [] });
  });

  it("names a source that fails, with its detail", async () => {
    const state = await stateOf({ collectors: [source("failing")] });
    expect(state.health().reasons).toEqual(["source nvml fails: driver gone"]);
  });

  it("names a ledger that cannot be written", async () => {
    const state = await stateOf({ append: async () => Promise.reject(FULL) });
    expect(state.health().reasons.join()).toMatch(/ledger cannot be written .*disk is full/);
  });

  it("names alerts that could not be delivered", async () => {
    const state = await stateOf({ dead: 2 });
    expect(state.health().reasons).toEqual(["2 alert messages could not be delivered"]);
  });

  it("keeps its last answer where the ledger cannot be asked", async () => {
    let dead = 1;
    const state = new DaemonState({
      node: "n",
      metrics: createMetrics({ agentVersion: "0", modelVersion: "0", node: "n" }),
      writer: await writerAfter(async () => {}),
      collectors: () => [],
      openIncidents: () => [],
      outboxStatus: async () =>
        dead > 0 ? { due: 0, delivered: 0, dead } : Promise.reject(new Error("worker died")),
      noteGpu: () => {},
      startedAtMs: 0,
    });
    await state.refresh();
    dead = 0;
    await state.refresh();
    expect(state.health().reasons).toHaveLength(1);
  });
});
