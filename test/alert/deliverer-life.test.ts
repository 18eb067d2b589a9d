import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createDeliverer } from "../../src/alert/delivery.ts";
import { toOutbox } from "../../src/alert/message.ts";
import { MemoryOutbox } from "../support/memory-outbox.ts";
import { deliverer, until } from "./deliverer.ts";
import { change, life, memoryLog } from "./messages.ts";
import { never, ok, receiver, status } from "./receiver.ts";

describe("the life of a deliverer", () => {
  test("delivers what an earlier run left, and what a poke announces", async () => {
    await using server = await receiver(ok);
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(life("inc_a"));
    one.start();
    one.start();
    await until(() => server.received.length === 3);
    outbox.commit(life("inc_b"));
    one.poke();
    await until(() => server.received.length === 6);
    await pause(50);
    expect(server.received).toHaveLength(6);
    await one.stop();
  });

  test("retries by itself when the time has come", async () => {
    await using server = await receiver((response, n) =>
      status(n === 0 ? 500 : 200)(response, n, never),
    );
    let shiftMs = 0;
    const clock = (): number => Date.now() + shiftMs;
    const outbox = new MemoryOutbox();
    const timers: { fn: () => void; delayMs: number }[] = [];
    const timed = createDeliverer({
      outbox,
      endpoints: [server.endpoint],
      clock,
      random: () => 0,
      log: memoryLog(),
      timer: (delayMs, fn) => {
        timers.push({ fn, delayMs });
        return () => {};
      },
    });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    timed.start();
    await until(() => outbox.entries[0]?.attempts === 1);
    await until(() => timers.some(({ delayMs }) => delayMs > 4000 && delayMs <= 5000));
    shiftMs = 5001;
    for (const { fn, delayMs } of timers) if (delayMs <= 5000) fn();
    await until(() => outbox.entries[0]?.state === "delivered");
    expect(server.received).toHaveLength(2);
    await timed.stop();
  });

  test("stops without start, and twice", async () => {
    await using server = await receiver(ok);
    const { deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    await one.stop();
    await one.stop();
    expect(server.received).toEqual([]);
  });

  test("leaves an attempt that stop cut short unsettled: the next run sends the same id", async () => {
    await using server = await receiver((response, n) =>
      n === 0 ? undefined : ok(response, n, never),
    );
    const { outbox, deliverer: one } = deliverer({
      endpoints: [server.endpoint],
      timeoutMs: 60_000,
    });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    one.start();
    await until(() => server.received.length === 1);
    await one.stop();
    expect(outbox.entries[0]).toMatchObject({ state: "due", attempts: 0 });
    const next = createDeliverer({
      outbox,
      endpoints: [server.endpoint],
      clock: Date.now,
      random: () => 0,
      log: memoryLog(),
    });
    await next.deliverDue(Date.now());
    expect(server.received[1]?.id).toBe(server.received[0]?.id);
    await next.stop();
  });

  test("rests when the outbox cannot be settled, and does not send in a tight loop", async () => {
    await using server = await receiver(ok);
    const outbox = new MemoryOutbox();
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    outbox.settle = () => Promise.reject(new Error("database is locked"));
    const log = memoryLog();
    const { deliverer: one } = deliverer({ endpoints: [server.endpoint], outbox, log });
    one.start();
    await until(() => log.lines.some(({ level }) => level === "error"));
    await pause(100);
    expect(server.received).toHaveLength(1);
    await one.stop();
  });
});
