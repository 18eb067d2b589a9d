import { describe, expect, it } from "vitest";
import {
  BufferedWriter,
  type BufferedWriterOptions,
  type WriterStatus,
} from "../../src/ledger/buffered-writer.ts";
import type { LedgerBatch, LedgerWriter } from "../../src/ledger/contract.ts";
import { AssayError } from "../../src/model/errors.ts";
import { gpu, incident, opened, slice, tempDir } from "./fixtures/make.ts";

const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const message = (id: string) => ({ id, endpoint: "e", type: "t", body: "b", createdAtMs: 1 });

/** A writer before `ledger`, whose disk can be made to fail and whose pauses end by hand. */
function setup(ledger: LedgerWriter, over: Partial<BufferedWriterOptions> = {}) {
  const disk: { error: Error | undefined } = { error: undefined };
  const pauses: { ms: number; end: () => void }[] = [];
  const changes: WriterStatus[] = [];
  const appended: LedgerBatch[] = [];
  const failable: LedgerWriter = {
    async append(batch) {
      if (disk.error) throw disk.error;
      await ledger.append(batch);
      appended.push(batch);
    },
  };
  const writer = new BufferedWriter({
    ledger: failable,
    maxQueuedBatches: 100,
    sleep: async (ms, signal) =>
      new Promise((end) => {
        pauses.push({ ms, end });
        signal.addEventListener("abort", () => end());
      }),
    onChange: (status) => changes.push(status),
    ...over,
  });
  const settled = async (): Promise<void> => new Promise((done) => setImmediate(done));
  const retry = async (): Promise<void> => {
    pauses.at(-1)?.end();
    await settled();
  };
  return { writer, disk, pauses, changes, appended, settled, retry };
}

const full = (): AssayError => new AssayError("ledger/full", "no room");
const nowhere: LedgerWriter = { append: async () => undefined };
const window = (n: number) => slice({ fromMs: n * 10_000 });

describe("while the ledger can be written", () => {
  it("batches arrive in their order, and the status is ok", async () => {
    const ledger = await opened();
    const { writer } = setup(ledger);
    writer.enqueue({ gpus: [gpu()] });
    for (let n = 0; n < 20; n++) writer.enqueue({ slices: [window(n)] });
    await writer.drained();
    expect(await ledger.slices(all)).toHaveLength(20);
    expect(writer.status()).toEqual({
      state: "ok",
      queuedBatches: 0,
      queuedSlices: 0,
      droppedSlices: 0,
      droppedRecords: 0,
      lastError: undefined,
    });
  });

  it("a batch that comes just as the queue runs empty is not forgotten", async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { writer, appended, settled } = setup({
        async append() {
          if (appended.length === 0) void later(turns, () => writer.enqueue({}));
        },
      });
      writer.enqueue({});
      await settled();
      expect([turns, appended.length]).toEqual([turns, 2]);
    }
  });

  it("a batch may come from within the append of another", async () => {
    const { writer, appended, settled } = setup({
      async append() {
        if (appended.length < 3) writer.enqueue({});
      },
    });
    writer.enqueue({});
    await settled();
    expect(appended.length).toBe(4);
  });
});

/** `act` after so many turns of the microtask queue. */
async function later(turns: number, act: () => void): Promise<void> {
  for (let n = 0; n < turns; n++) await Promise.resolve();
  act();
}

describe("while the ledger cannot be written", () => {
  it("all is kept in memory, said once, retried with growing pauses, and written in the end", async () => {
    const ledger = await opened();
    const { writer, disk, pauses, changes, settled, retry } = setup(ledger);
    disk.error = full();
    writer.enqueue({ gpus: [gpu()], slices: [window(0)] });
    writer.enqueue({ slices: [window(1), window(2)] });
    await settled();
    expect(writer.status()).toMatchObject({
      state: "failing",
      queuedBatches: 2,
      queuedSlices: 3,
      droppedSlices: 0,
      lastError: "ledger/full: no room",
    });
    for (let n = 0; n < 8; n++) await retry();
    const expected = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
    expect(pauses.map(({ ms }) => ms)).toEqual(expected);
    expect(changes).toHaveLength(1);
    disk.error = undefined;
    await retry();
    await writer.drained();
    expect(await ledger.slices(all)).toHaveLength(3);
    expect(changes.map(({ state }) => state)).toEqual(["failing", "ok"]);
    expect(await ledger.gaps(all)).toEqual([]);
  });

  it("the pauses begin small again after a success", async () => {
    const { writer, disk, pauses, settled, retry } = setup(nowhere);
    disk.error = full();
    writer.enqueue({});
    await settled();
    await retry();
    disk.error = undefined;
    await retry();
    disk.error = full();
    writer.enqueue({});
    await settled();
    expect(pauses.map(({ ms }) => ms)).toEqual([500, 1000, 500]);
  });

  it("up to the limit nothing is dropped; beyond it the oldest slices are, counted, as one gap a device", async () => {
    const ledger = await opened();
    await ledger.append({ gpus: [gpu(), gpu("GPU-b")] });
    const { writer, disk, settled, retry } = setup(ledger, { maxQueuedBatches: 3 });
    disk.error = full();
    const both = (n: number): LedgerBatch => ({
      slices: [window(n), slice({ fromMs: n * 10_000, gpuUuid: "GPU-b" })],
    });
    for (const n of [0, 1, 2]) writer.enqueue(both(n));
    await settled();
    expect(writer.status()).toMatchObject({ queuedBatches: 3, droppedSlices: 0 });
    for (const n of [3, 4]) writer.enqueue(both(n));
    expect(writer.status()).toMatchObject({ queuedBatches: 3, queuedSlices: 6, droppedSlices: 4 });
    disk.error = undefined;
    await retry();
    await writer.drained();
    const gap = { node: "node-1", source: "ledger", fromMs: 0, toMs: 20_000 };
    const reason = expect.stringMatching(/^2 measured slices .*ledger\/full/);
    expect(await ledger.gaps(all)).toEqual([
      { ...gap, gpuUuid: "GPU-a", reason },
      { ...gap, gpuUuid: "GPU-b", reason },
    ]);
    const kept = (await ledger.slices(all)).map((each) => each.fromMs);
    expect(new Set(kept)).toEqual(new Set([20_000, 30_000, 40_000]));
    expect(writer.status()).toMatchObject({ state: "ok", queuedBatches: 0, droppedSlices: 4 });
  });

  it("the limit of slices holds too", async () => {
    const { writer, disk, settled } = setup(nowhere, { maxQueuedSlices: 4 });
    disk.error = full();
    for (let n = 0; n < 4; n++) writer.enqueue({ slices: [window(n)] });
    await settled();
    expect(writer.status()).toMatchObject({ queuedSlices: 4, droppedSlices: 0 });
    writer.enqueue({ slices: [window(4)] });
    expect(writer.status()).toMatchObject({ queuedSlices: 4, droppedSlices: 1 });
  });

  it("incidents, messages, gaps and devices of dropped batches arrive all the same", async () => {
    const ledger = await opened();
    const { writer, disk, settled, retry } = setup(ledger, { maxQueuedBatches: 2 });
    disk.error = full();
    writer.enqueue({ gpus: [gpu()] });
    for (let n = 0; n < 10; n++)
      writer.enqueue({
        slices: [window(n)],
        incidents: [incident({ id: `i-${n}` })],
        outbox: [message(`m-${n}`)],
        gaps: [{ node: "n", source: "s", reason: `${n}`, fromMs: 0, toMs: 1 }],
      });
    await settled();
    expect(writer.status()).toMatchObject({ droppedRecords: 0 });
    expect(writer.status().queuedBatches).toBeLessThanOrEqual(2);
    expect(writer.status().queuedSlices).toBeGreaterThan(0);
    disk.error = undefined;
    await retry();
    await writer.drained();
    expect(await ledger.incidents({})).toHaveLength(10);
    expect(await ledger.outboxStatus()).toMatchObject({ due: 10 });
    expect((await ledger.gaps(all)).filter((gap) => gap.source === "s")).toHaveLength(10);
    const { droppedSlices } = writer.status();
    expect((await ledger.slices(all)).length + droppedSlices).toBe(10);
  });

  it("records go only where no slice is left, the oldest first, counted", async () => {
    const { writer, disk, appended, settled, retry } = setup(nowhere, { maxQueuedRecords: 3 });
    disk.error = full();
    writer.enqueue({ outbox: [message("in flight")] });
    await settled();
    writer.enqueue({ slices: [window(0)], outbox: [message("old")] });
    writer.enqueue({ outbox: [message("mid")] });
    expect(writer.status()).toMatchObject({ queuedSlices: 1, droppedRecords: 0 });
    writer.enqueue({ outbox: [message("new")] });
    expect(writer.status()).toMatchObject({ queuedSlices: 0, droppedSlices: 1, droppedRecords: 1 });
    disk.error = undefined;
    await retry();
    await writer.drained();
    const ids = appended.flatMap((batch) => (batch.outbox ?? []).map(({ id }) => id));
    expect(ids).toEqual(["old", "mid", "new"]);
  });
});

describe("a batch the ledger refuses", () => {
  it("loses its broken window alone: the rest of it and what comes after are written", async () => {
    const ledger = await opened();
    const { writer, changes } = setup(ledger);
    const broken = slice({ fromMs: 10_000, timeMs: 1 });
    writer.enqueue({
      gpus: [gpu()],
      slices: [window(0), broken, window(2)],
      outbox: [message("m")],
    });
    writer.enqueue({ slices: [window(3)] });
    await writer.drained();
    expect((await ledger.slices(all)).map((each) => each.fromMs)).toEqual([0, 20_000, 30_000]);
    expect(await ledger.outboxStatus()).toMatchObject({ due: 1 });
    expect(await ledger.gaps(all)).toMatchObject([
      {
        fromMs: 10_000,
        toMs: 20_000,
        gpuUuid: "GPU-a",
        reason: expect.stringMatching(/share-law/),
      },
    ]);
    expect(writer.status()).toMatchObject({ state: "ok", droppedSlices: 1, droppedRecords: 0 });
    expect(changes.at(-1)?.lastError).toMatch(/1 ms/);
  });

  it("whose times make no stretch is counted, and stops nothing", async () => {
    const ledger = await opened();
    const { writer } = setup(ledger);
    writer.enqueue({ gpus: [gpu()], slices: [slice({ fromMs: 9, toMs: 3 }), window(0)] });
    writer.enqueue({ slices: [slice({ fromMs: 0.5 })] });
    await writer.drained();
    expect(await ledger.slices(all)).toHaveLength(1);
    expect(await ledger.gaps(all)).toEqual([]);
    expect(writer.status()).toMatchObject({ queuedBatches: 0, droppedSlices: 2 });
  });

  it("loses a message that cannot be stored, and no other", async () => {
    const ledger = await opened();
    const { writer } = setup(ledger);
    writer.enqueue({ outbox: [message("a"), { ...message("b"), createdAtMs: 0.5 }, message("c")] });
    await writer.drained();
    expect((await ledger.due(9, 9)).map(({ id }) => id)).toEqual(["a", "c"]);
    expect(writer.status()).toMatchObject({ droppedRecords: 1 });
  });

  it("because it was written before its answer was lost, counts as written, once", async () => {
    const ledger = await opened();
    let lies = 1;
    const { writer, retry, settled } = setup({
      async append(batch) {
        await ledger.append(batch);
        if (lies-- > 0) throw new AssayError("ledger/worker", "died after the commit");
      },
    });
    const gaps = [{ node: "n", source: "s", reason: "r", fromMs: 0, toMs: 1 }];
    writer.enqueue({ gpus: [gpu()], slices: [window(0)], outbox: [message("m")], gaps });
    while (writer.status().state === "ok") await settled();
    await retry();
    await writer.drained();
    expect(await ledger.slices(all)).toHaveLength(1);
    expect(await ledger.gaps(all)).toEqual(gaps);
    expect(await ledger.outboxStatus()).toMatchObject({ due: 1 });
    expect(writer.status()).toMatchObject({ state: "ok", droppedSlices: 0, droppedRecords: 0 });
  });

  it("for whatever reason it throws, blocks nothing", async () => {
    const { writer, appended } = setup({
      async append(batch) {
        if (batch.slices?.length) throw new TypeError("cannot be cloned");
      },
    });
    writer.enqueue({ slices: [window(0)] });
    writer.enqueue({ outbox: [message("m")] });
    await writer.drained();
    expect(appended.flatMap((batch) => batch.outbox ?? [])).toHaveLength(1);
    expect(writer.status()).toMatchObject({ droppedSlices: 1, lastError: "cannot be cloned" });
  });
});

describe("flush", () => {
  it("tries at once, in the middle of a pause, and tells that all is on disk", async () => {
    const ledger = await opened();
    const { writer, disk, settled } = setup(ledger);
    disk.error = full();
    writer.enqueue({ gpus: [gpu()], slices: [window(0)] });
    await settled();
    disk.error = undefined;
    expect(await writer.flush(1000)).toBe(true);
    expect(await ledger.slices(all)).toHaveLength(1);
  });

  it("gives up at its limit, tells so, and tries no more", async () => {
    const { writer, disk, pauses, settled, retry } = setup(nowhere);
    disk.error = full();
    writer.enqueue({ slices: [window(0)] });
    await settled();
    const flushed = writer.flush(1000);
    await settled();
    pauses.find(({ ms }) => ms === 1000)?.end();
    expect(await flushed).toBe(false);
    disk.error = undefined;
    await retry();
    expect(writer.status()).toMatchObject({ queuedBatches: 1, queuedSlices: 1 });
  });

  it("does not wait for an append that never answers", async () => {
    const { writer, pauses, settled } = setup({ append: async () => new Promise(() => undefined) });
    writer.enqueue({});
    const flushed = writer.flush(1000);
    await settled();
    pauses.find(({ ms }) => ms === 1000)?.end();
    expect(await flushed).toBe(false);
  });

  it("with nothing to do is done", async () => {
    const { writer } = setup(nowhere);
    expect(await writer.flush(1000)).toBe(true);
  });
});

it("a real ledger that becomes full loses nothing that fits in memory", async () => {
  const stateDir = tempDir();
  const small = await opened({ stateDir, maxBytes: 256 * 1024 });
  const failing = setup(small);
  const rich = (n: number) =>
    slice({
      fromMs: n * 10_000,
      evidence: [{ family: "host", feature: "f", text: `${n} `.repeat(1000), weights: {} }],
    });
  failing.writer.enqueue({ gpus: [gpu()] });
  for (let n = 0; n < 90; n++) failing.writer.enqueue({ slices: [rich(n)] });
  while (failing.writer.status().state === "ok") await failing.settled();
  expect(failing.writer.status().lastError).toMatch(/^ledger\/full/);
  const { queuedSlices } = failing.writer.status();
  expect(queuedSlices).toBeGreaterThan(0);
  expect((await small.slices(all)).length + queuedSlices).toBe(90);
});
