import { describe, expect, it } from "vitest";
import { LedgerAlarm } from "../../src/daemon/ledger-alarm.ts";
import { BufferedWriter } from "../../src/ledger/buffered-writer.ts";
import type { LedgerBatch } from "../../src/ledger/contract.ts";
import { AssayError } from "../../src/model/errors.ts";
import { ok, receiver, status } from "../alert/receiver.ts";
import { slice } from "../ledger/fixtures/make.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { pause } from "../support/running.ts";

const quiet = { info: () => {}, warn: () => {}, error: () => {} };

/** A writer whose disk is full while `full` says so, its alarm, and a real receiver. */
async function rig(answer = ok, maxQueuedBatches = 100) {
  const clock = new FakeClock(Date.now()); // receivers refuse what was signed at another time
  const hook = await receiver(answer);
  const disk = { full: true, written: [] as LedgerBatch[] };
  const writer: BufferedWriter = new BufferedWriter({
    ledger: {
      append: async (batch) => {
        if (disk.full) throw new AssayError("ledger/full", "database or disk is full");
        disk.written.push(batch);
      },
    },
    maxQueuedBatches,
    sleep: clock.sleep,
    onChange: (changed) => alarm.noteChange(changed),
  });
  const alarm: LedgerAlarm = new LedgerAlarm({
    node: "n1",
    delivery: { endpoints: [hook.endpoint], clock: clock.wallMs, random: () => 0, log: quiet },
    hash: (text) => Buffer.from(text).toString("hex").slice(0, 12),
    sleep: clock.sleep,
    waiting: () => writer.waitingMessages(),
    write: (batch) => writer.enqueue(batch),
  });
  alarm.start();
  const received = async (n: number): Promise<void> => {
    for (let i = 0; i < 200 && hook.received.length < n; i++) await pause(10);
    expect(hook.received.length).toBeGreaterThanOrEqual(n);
  };
  const stop = async (): Promise<void> => {
    await alarm.stop();
    await hook[Symbol.asyncDispose]();
  };
  return { clock, hook, disk, writer, alarm, received, stop };
}

const gap = { node: "n", source: "s", reason: "r", fromMs: 0, toMs: 1 };

describe("a ledger that cannot be written", () => {
  it("is told from memory after ten seconds, and resolved on record once it can be", async () => {
    const { clock, hook, disk, writer, alarm, received, stop } = await rig();
    writer.enqueue({ gaps: [gap] });
    await clock.advance(9_000);
    expect(alarm.open()).toEqual([]);
    await clock.advance(2_000);
    await received(1);
    expect(hook.received[0]?.type).toBe("incident.opened");
    expect(hook.received[0]?.body).toContain("cannot be written");
    expect(hook.received[0]?.body).toContain("disk is full");
    expect(alarm.open()).toMatchObject([{ rule: "ledger-unwritable", severity: "critical" }]);
    disk.full = false;
    await clock.advance(60_000);
    await writer.drained();
    const states = disk.written.flatMap(({ incidents }) => incidents ?? []);
    expect(states.map(({ state }) => state)).toEqual(["firing", "resolved"]);
    const messages = disk.written.flatMap(({ outbox }) => outbox ?? []);
    expect(messages.map(({ type }) => type)).toEqual(["incident.resolved"]);
    expect(alarm.open()).toEqual([]);
    await stop();
  });

  it("is no news where it works again within ten seconds", async () => {
    const { clock, hook, disk, writer, alarm, stop } = await rig();
    writer.enqueue({ gaps: [gap] });
    await clock.advance(400);
    disk.full = false;
    await clock.advance(60_000);
    await writer.drained();
    await pause(50);
    expect(alarm.open()).toEqual([]);
    expect(hook.received).toEqual([]);
    expect(disk.written).toEqual([{ gaps: [gap] }]);
    await stop();
  });

  it("silences no other alert: what waits to be written is delivered, once", async () => {
    const { clock, hook, writer, alarm, received, stop } = await rig();
    const message = (id: string) => ({
      outbox: [
        { id, endpoint: "on-call", type: "incident.opened", body: '{"type":"x"}', createdAtMs: 0 },
      ],
    });
    writer.enqueue(message("msg_before"));
    await clock.advance(11_000);
    writer.enqueue(message("msg_after"));
    alarm.noteWaiting();
    alarm.noteWaiting();
    await received(3);
    await pause(50);
    const ids = hook.received.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["msg_before", "msg_after"]));
    expect(new Set(ids).size).toBe(3);
    expect(hook.received).toHaveLength(3);
    await stop();
  });

  it("says when measured slices begin to be lost, and how many were", async () => {
    const { clock, hook, disk, writer, received, stop } = await rig(ok, 2);
    const lose = (n: number): void => writer.enqueue({ slices: [slice({ fromMs: n * 10_000 })] });
    lose(0);
    await clock.advance(11_000);
    for (let n = 1; n < 6; n++) lose(n);
    await received(2);
    expect(hook.received.map(({ type }) => type)).toEqual(["incident.opened", "incident.updated"]);
    disk.full = false;
    await clock.advance(60_000);
    await writer.drained();
    const { droppedSlices } = writer.status();
    expect(droppedSlices).toBeGreaterThan(0);
    const last = disk.written.flatMap(({ incidents }) => incidents ?? []).at(-1);
    expect(last?.summary).toContain(`${droppedSlices} slices were lost`);
    const gaps = disk.written.flatMap(({ gaps: all }) => all ?? []);
    expect(gaps).toMatchObject([
      {
        source: "ledger",
        fromMs: expect.any(Number),
        reason: expect.stringContaining("memory was full"),
      },
    ]);
    await stop();
  });

  it("becomes a durable message where the receiver did not take it from memory", async () => {
    const { clock, disk, writer, received, stop } = await rig(status(500));
    writer.enqueue({ gaps: [gap] });
    await clock.advance(11_000);
    await received(1);
    disk.full = false;
    await clock.advance(60_000);
    await writer.drained();
    const messages = disk.written.flatMap(({ outbox }) => outbox ?? []);
    expect(messages.map(({ type }) => type)).toEqual(["incident.opened", "incident.resolved"]);
    await stop();
  });
});
