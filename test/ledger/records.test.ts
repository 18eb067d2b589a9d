import { describe, expect, it } from "vitest";
import type { OutboxMessage } from "../../src/ledger/contract.ts";
import type { Calibration } from "../../src/model/calibration.ts";
import { gpu, incident, opened, tempDir } from "./fixtures/make.ts";

const message = (over: Partial<OutboxMessage> = {}): OutboxMessage => ({
  id: "m-1",
  endpoint: "https://example.test/hook",
  type: "incident.fired",
  body: '{"a":"…"}',
  createdAtMs: 100,
  ...over,
});

describe("gaps", () => {
  const gap = { node: "n", source: "nvml", reason: "driver gone", fromMs: 1000, toMs: 2000 };
  const step = { ...gap, source: "clock", reason: "stepped", fromMs: 3000, toMs: 3000 };

  it("are those that touch the window; a step without length counts where it lies", async () => {
    const ledger = await opened();
    await ledger.append({ gaps: [{ ...gap, gpuUuid: "GPU-a" }, step] });
    const at = async (fromMs: number, toMs: number): Promise<string[]> =>
      (await ledger.gaps({ fromMs, toMs })).map((each) => each.source);
    expect(await at(0, 1000)).toEqual([]);
    expect(await at(0, 1001)).toEqual(["nvml"]);
    expect(await at(1999, 2500)).toEqual(["nvml"]);
    expect(await at(2000, 3000)).toEqual([]);
    expect(await at(3000, 3001)).toEqual(["clock"]);
    expect((await ledger.gaps({ fromMs: 0, toMs: 9999 }))[0]).toEqual({ ...gap, gpuUuid: "GPU-a" });
  });

  it("appended once more are stored once; another one is stored beside it", async () => {
    const ledger = await opened();
    await ledger.append({ gaps: [gap] });
    await ledger.append({ gaps: [gap, { ...gap, gpuUuid: "GPU-a" }] });
    expect(await ledger.gaps({ fromMs: 0, toMs: 9999 })).toHaveLength(2);
  });
});

describe("devices", () => {
  it("follow their newest description, but were first seen when they were", async () => {
    const ledger = await opened();
    await ledger.append({ gpus: [gpu("GPU-a", { firstSeenMs: 50, driverVersion: "550" })] });
    await ledger.append({
      gpus: [gpu("GPU-a", { firstSeenMs: 90, driverVersion: "560", index: 3 })],
    });
    const expected = { firstSeenMs: 50, driverVersion: "560", index: 3 };
    expect(await ledger.gpus()).toEqual([gpu("GPU-a", expected)]);
  });
});

describe("incidents", () => {
  it("show their newest state, newest first, and which are open", async () => {
    const ledger = await opened();
    const resolved = incident({ id: "i-1", state: "resolved", updatedAtMs: 30, resolvedAtMs: 30 });
    const firing = incident({ id: "i-2", updatedAtMs: 20 });
    const pending = incident({ id: "i-3", state: "pending", updatedAtMs: 25 });
    await ledger.append({ incidents: [incident({ id: "i-1", updatedAtMs: 10 }), firing, pending] });
    await ledger.append({ incidents: [resolved] });
    expect(await ledger.incidents({})).toEqual([resolved, pending, firing]);
    expect(await ledger.incidents({ open: true })).toEqual([pending, firing]);
    expect(await ledger.incidents({ open: false })).toEqual([resolved]);
    expect(await ledger.incidents({ limit: 1 })).toEqual([resolved]);
  });
});

describe("calibrations", () => {
  const one = (over: Partial<Calibration>): Calibration => ({
    gpuUuid: "GPU-a",
    adapter: "software",
    deviceMatch: "software",
    kernel: "hash",
    atMs: 1.5,
    durationSeconds: 2.5,
    ratePerSecond: 1e9,
    unit: "hash/s",
    software: true,
    telemetry: { powerWatts: 300.25 },
    baseline: {},
    ...over,
  });

  it("are the newest of each device and kernel", async () => {
    const ledger = await opened();
    const newest = one({ atMs: 9, rateSpread: 0.1, timing: "wall" });
    const matmul = one({ kernel: "matmul", unit: "FLOP/s" });
    await ledger.append({ calibrations: [one({}), matmul] });
    await ledger.append({ calibrations: [newest] });
    expect(await ledger.calibrations()).toEqual([newest, matmul]);
  });

  it("are all kept, with every field, and told in the order in which they were made", async () => {
    const stateDir = tempDir();
    const ledger = await opened({ stateDir });
    const full = one({
      family: "hash",
      cost: { "int32-op": 4320 },
      measures: "int32-op",
      variant: { WORKGROUP: 256 },
      joulesPerUnit: 3e-7,
      gpuSeconds: 6.5,
      energyJoules: 2000,
      driverVersion: "550",
      powerLimitWatts: 700,
    });
    const [later, other] = [one({ atMs: 9 }), one({ gpuUuid: "GPU-b" })];
    await ledger.append({ calibrations: [full] });
    await ledger.append({ calibrations: [other, later] });
    expect(await ledger.calibrationHistory({})).toEqual([full, other, later]);
    expect(await ledger.calibrationHistory({ gpuUuid: "GPU-a" })).toEqual([full, later]);
    expect(await ledger.calibrationHistory({ gpuUuid: "GPU-c" })).toEqual([]);
    // Handed over once more, as after a crash between keeping and deleting: kept once.
    await ledger.append({ calibrations: [later] });
    const reader = await opened({ stateDir, mode: "read" });
    expect(await reader.calibrationHistory({ gpuUuid: "GPU-a" })).toEqual([full, later]);
  });
});

describe("the outbox", () => {
  it("holds a message due until it is delivered, over a restart, under one id", async () => {
    const stateDir = tempDir();
    const first = await opened({ stateDir });
    await first.append({ outbox: [message()] });
    const entry = { ...message(), attempts: 0, nextAttemptAtMs: 100, state: "due" };
    expect(await first.due(99, 10)).toEqual([]);
    expect(await first.due(100, 10)).toEqual([entry]);
    const { id, endpoint } = message();
    await first.settle(id, endpoint, { state: "retry", nextAttemptAtMs: 500, error: "503" });
    await first.close();

    const second = await opened({ stateDir });
    expect(await second.due(499, 10)).toEqual([]);
    expect(await second.due(500, 10)).toEqual([
      { ...entry, attempts: 1, nextAttemptAtMs: 500, lastError: "503" },
    ]);
    expect(await second.outboxStatus()).toEqual({ due: 1, delivered: 0, dead: 0, nextAtMs: 500 });
    await second.settle(id, endpoint, { state: "delivered", atMs: 501 });
    expect(await second.due(9999, 10)).toEqual([]);
    expect(await second.outboxStatus()).toEqual({ due: 0, delivered: 1, dead: 0 });
  });

  it("gives each endpoint its own copy, in the order of commits, as many as asked", async () => {
    const ledger = await opened();
    const [here, there] = [message().endpoint, "https://example.test/other"];
    const end = message({ id: "m-2", createdAtMs: 150 });
    await ledger.append({ outbox: [message({ createdAtMs: 200 }), message({ endpoint: there })] });
    await ledger.append({ outbox: [end] });
    const ids = async (limit: number, endpoint?: string): Promise<string[]> =>
      (await ledger.due(999, limit, endpoint)).map((each) => each.id);
    expect(await ids(10)).toEqual(["m-1", "m-1", "m-2"]);
    expect(await ids(10, here)).toEqual(["m-1", "m-2"]);
    await ledger.settle("m-1", here, { state: "retry", nextAttemptAtMs: 900, error: "503" });
    expect(await ids(10, here)).toEqual(["m-1", "m-2"]);
    expect(await ids(1, here)).toEqual(["m-1"]);
    expect(await ids(10, "nowhere")).toEqual([]);
    await ledger.settle("m-1", there, { state: "dead", atMs: 1, error: "410" });
    expect(await ids(10, there)).toEqual([]);
    expect(await ledger.outboxStatus()).toEqual({ due: 2, delivered: 0, dead: 1, nextAtMs: 150 });
  });

  it("takes an enqueued message once, however often it is appended", async () => {
    const ledger = await opened();
    await ledger.append({ outbox: [message()] });
    await ledger.settle("m-1", message().endpoint, { state: "delivered", atMs: 1 });
    await ledger.append({ outbox: [message()] });
    expect(await ledger.outboxStatus()).toEqual({ due: 0, delivered: 1, dead: 0 });
  });

  it("cannot settle what is not due", async () => {
    const ledger = await opened();
    const outcome = { state: "delivered", atMs: 1 } as const;
    await expect(ledger.settle("m-1", "nowhere", outcome)).rejects.toThrow(/m-1/);
  });
});
