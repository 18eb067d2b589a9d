import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { toOutbox } from "../../src/alert/message.ts";
import { MemoryOutbox } from "../support/memory-outbox.ts";
import { deliverer, until } from "./deliverer.ts";
import { change, life } from "./messages.ts";
import { type Answer, never, OLD_SECRET, ok, receiver, SECRET, status } from "./receiver.ts";

const MINUTE_MS = 60_000;

/** One message, one attempt, one answer: what became of it. */
async function attempt(answer: Answer) {
  await using server = await receiver(answer);
  const { outbox, deliverer: one, log } = deliverer({ endpoints: [server.endpoint] });
  outbox.commit(toOutbox(change(), [server.endpoint], 0));
  const nowMs = Date.now();
  await one.deliverDue(nowMs);
  await one.stop();
  const entry = outbox.entries[0];
  const waitMs = (entry?.nextAttemptAtMs ?? 0) - nowMs;
  return { entry, waitMs, log, status: one.status()[0], received: server.received };
}

describe("an attempt", () => {
  test("is a signed JSON request, and 2xx delivers", async () => {
    const { entry, received } = await attempt(ok);
    expect(entry).toMatchObject({ state: "delivered", attempts: 1 });
    expect(received).toHaveLength(1);
    expect(received[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "webhook-id": entry?.id,
    });
    expect(received[0]?.body).toBe(entry?.body);
  });

  test.each([200, 202, 299])("answered %i delivers", async (code) => {
    expect((await attempt(status(code))).entry?.state).toBe("delivered");
  });

  test.each([300, 400, 401, 404, 500, 503])("answered %i is tried again in 5 s", async (code) => {
    const { entry, waitMs } = await attempt(status(code));
    expect(entry).toMatchObject({ state: "due", attempts: 1 });
    expect(entry?.lastError).toContain(`answered ${code}`);
    expect(waitMs).toBeGreaterThanOrEqual(5000);
    expect(waitMs).toBeLessThan(5000 + MINUTE_MS);
  });

  test.each([301, 302, 307, 308])("is not redirected by a %i", async (code) => {
    await using other = await receiver(ok);
    const { entry } = await attempt(status(code, { location: other.url }));
    expect(other.received).toEqual([]);
    expect(entry?.lastError).toContain("redirects are not followed");
  });

  test("answered 410 is the last one, for the message and for the endpoint", async () => {
    await using server = await receiver(status(410));
    const { outbox, deliverer: one, log } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit([...life("inc_a"), ...life("inc_b")]);
    await one.deliverDue(Date.now());
    expect(outbox.entries.map(({ state }) => state)).toEqual(Array(6).fill("dead"));
    expect(server.received.length).toBeLessThanOrEqual(2);
    outbox.commit(life("inc_c"));
    await one.deliverDue(Date.now());
    expect((await outbox.outboxStatus()).dead).toBe(9);
    expect(server.received.length).toBeLessThanOrEqual(2);
    expect(one.status()[0]).toMatchObject({ gone: true, dead: 9 });
    expect(log.lines.filter(({ message }) => message.includes("disabled"))).toHaveLength(1);
    await one.stop();
  });

  test.each([
    ["120", 120_000],
    ["1", 5000],
    ["999999999", 24 * 60 * MINUTE_MS],
    ["soon", 5000],
    ["-7", 5000],
    ["", 5000],
  ])("answered 429 with Retry-After %j waits %i ms", async (retryAfter, expectedMs) => {
    const { waitMs, entry } = await attempt(status(429, { "retry-after": retryAfter }));
    expect(entry?.state).toBe("due");
    expect(waitMs).toBeGreaterThanOrEqual(expectedMs);
    expect(waitMs).toBeLessThan(expectedMs + MINUTE_MS);
  });

  test("answered 503 with a date as Retry-After waits until then", async () => {
    const date = new Date(Date.now() + 10 * MINUTE_MS).toUTCString();
    const { waitMs } = await attempt(status(503, { "retry-after": date }));
    expect(waitMs).toBeGreaterThanOrEqual(10 * MINUTE_MS - 1000);
    expect(waitMs).toBeLessThan(11 * MINUTE_MS);
  });

  test("without an answer ends with the time-out", async () => {
    const { entry } = await attempt(() => {});
    expect(entry).toMatchObject({ state: "due", lastError: "no answer within 0.3 s" });
  });

  test("that is reset is tried again", async () => {
    const { entry } = await attempt((response) => response.destroy());
    expect(entry?.lastError).toMatch(/^connection failed: (UND_ERR_SOCKET|ECONNRESET)$/);
  });

  test("that nobody accepts is tried again, and no secret or path is told", async () => {
    const server = await receiver(ok);
    await server[Symbol.asyncDispose]();
    const { outbox, deliverer: one, log } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    await one.deliverDue(Date.now());
    expect(outbox.entries[0]?.lastError).toBe("connection failed: ECONNREFUSED");
    expect(JSON.stringify(log.lines)).not.toMatch(/hook|whsec/);
    await one.stop();
  });

  test("answered 200 with a body that never ends is delivered, and the body is cut off", async () => {
    let isClosed = false;
    await using server = await receiver((response) => {
      response.writeHead(200);
      const flood = (): void => {
        if (!isClosed && response.write("x".repeat(10_000))) setImmediate(flood);
      };
      response.on("drain", flood).on("close", () => (isClosed = true));
      flood();
    });
    const { outbox, deliverer: one } = deliverer({
      endpoints: [server.endpoint],
      timeoutMs: 60_000,
    });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    await one.deliverDue(Date.now());
    expect(outbox.entries[0]?.state).toBe("delivered");
    await until(() => isClosed);
    await one.stop();
  });

  test("answered 200 with a body that stalls is delivered", async () => {
    const { entry } = await attempt((response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
    });
    expect(entry?.state).toBe("delivered");
  });
});

describe("retries", () => {
  test("keep the id and the body, sign anew, and arrive after N failures", async () => {
    await using server = await receiver((response, n) =>
      status(n < 4 ? 500 : 200)(response, n, never),
    );
    let shiftMs = 0;
    const clock = (): number => Date.now() + shiftMs;
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint], clock });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    for (const stepMs of [0, 1000, 2000, 3000, 4000]) {
      shiftMs = stepMs; // within the verifier's tolerance
      await one.deliverDue(outbox.entries[0]?.nextAttemptAtMs ?? 0);
    }
    expect(outbox.entries[0]).toMatchObject({ state: "delivered", attempts: 5 });
    expect(new Set(server.received.map(({ id }) => id)).size).toBe(1);
    expect(new Set(server.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(server.received.map(({ timestamp }) => timestamp)).size).toBeGreaterThan(3);
    await one.stop();
  });

  test("end after ten attempts, and then the message is dead", async () => {
    await using server = await receiver(status(500));
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    for (let i = 0; i < 15; i += 1)
      await one.deliverDue((outbox.entries[0]?.nextAttemptAtMs ?? 0) + Date.now());
    expect(outbox.entries[0]).toMatchObject({ state: "dead", attempts: 10 });
    expect(server.received).toHaveLength(10);
    await one.stop();
  });

  test("of a message that is not due yet do not happen", async () => {
    await using server = await receiver(status(500));
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    await one.deliverDue(Date.now());
    await one.deliverDue(Date.now());
    expect(server.received).toHaveLength(1);
    await one.stop();
  });
});

describe("secrets in rotation", () => {
  test.each([SECRET, OLD_SECRET])("both verify", async (secret) => {
    await using server = await receiver(ok, { secret, secrets: `${SECRET}\n${OLD_SECRET}` });
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    await one.deliverDue(Date.now());
    expect(server.received).toHaveLength(1);
    await one.stop();
  });

  test("a secret that the receiver does not know does not", async () => {
    await using server = await receiver(ok, { secret: SECRET, secrets: OLD_SECRET });
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(toOutbox(change(), [server.endpoint], 0));
    await one.deliverDue(Date.now());
    expect(outbox.entries[0]?.lastError).toBe("answered 599");
    await one.stop();
  });
});

describe("order", () => {
  test("of one incident is that of its changes, one at a time", async () => {
    await using server = await receiver((response) => void setTimeout(() => response.end(), 20));
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(life("inc_a").reverse());
    await one.deliverDue(Date.now());
    expect(server.received.map(({ type }) => type)).toEqual([
      "incident.opened",
      "incident.updated",
      "incident.resolved",
    ]);
    await one.stop();
  });

  test("holds a resolution back while the opening is retried, and lets others pass", async () => {
    await using server = await receiver((response, _, { id, type }) =>
      status(id.includes("inc_a") && type === "incident.opened" ? 500 : 200)(response, 0, never),
    );
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit([...life("inc_a"), ...life("inc_b")]);
    await one.deliverDue(Date.now());
    expect(server.received.filter(({ id }) => id.includes("inc_a"))).toHaveLength(1);
    expect(server.received.filter(({ id }) => id.includes("inc_b"))).toHaveLength(3);
    await one.stop();
  });

  test("lets a resolution go once the opening is dead", async () => {
    await using server = await receiver((response, _, { type }) =>
      status(type === "incident.opened" ? 500 : 200)(response, 0, never),
    );
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit(life("inc_a"));
    for (let i = 0; i < 10; i += 1)
      await one.deliverDue((outbox.entries[0]?.nextAttemptAtMs ?? 0) + Date.now());
    expect(outbox.entries.map(({ state }) => state)).toEqual(["dead", "delivered", "delivered"]);
    await one.stop();
  });
});

describe("an outbox that answers slowly", () => {
  test("does not make a message go twice that was delivered meanwhile", async () => {
    await using server = await receiver(
      (response, n) => void setTimeout(() => response.end(), n % 2 === 0 ? 5 : 25),
    );
    const outbox = new MemoryOutbox();
    const due = outbox.due.bind(outbox);
    outbox.due = async (...query) => {
      const page = await due(...query);
      await pause(40);
      return page;
    };
    const { deliverer: one } = deliverer({ endpoints: [server.endpoint], outbox });
    for (let i = 0; i < 4; i += 1) outbox.commit(life(`inc_${i}`));
    await one.deliverDue(Date.now());
    expect(server.received.map(({ id }) => id).sort()).toEqual(
      outbox.entries.map(({ id }) => id).sort(),
    );
    await one.stop();
  });
});

describe("several endpoints", () => {
  test("do not wait for one that hangs", async () => {
    await using slow = await receiver(() => {}, { name: "slow" });
    await using quick = await receiver(ok, { name: "quick" });
    const endpoints = [slow.endpoint, quick.endpoint];
    const { outbox, deliverer: one } = deliverer({ endpoints, timeoutMs: 60_000 });
    for (let i = 0; i < 20; i += 1)
      outbox.commit(toOutbox(change("opened", { id: `inc_${i}` }), endpoints, 0));
    one.start();
    await until(() => quick.received.length === 20);
    await until(() => slow.received.length === 4); // no more than the places it has
    // A message counts as delivered once its answer has come back.
    await expect.poll(async () => (await outbox.outboxStatus()).delivered).toBe(20);
    await one.stop();
  });

  test("are asked by four requests each at a time and no more", async () => {
    let open = 0;
    let most = 0;
    await using server = await receiver((response) => {
      most = Math.max(most, (open += 1));
      setTimeout(() => {
        open -= 1;
        response.end();
      }, 10);
    });
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint], timeoutMs: 5000 });
    for (let i = 0; i < 30; i += 1) outbox.commit(life(`inc_${i}`).slice(0, 1));
    await one.deliverDue(Date.now());
    expect(server.received).toHaveLength(30);
    expect(most).toBe(4);
    await one.stop();
  });

  test("that are no longer configured have their messages marked dead, once and for all", async () => {
    await using server = await receiver(ok);
    const { outbox, deliverer: one } = deliverer({ endpoints: [server.endpoint] });
    outbox.commit([...life("inc_a", "removed"), ...life("inc_b")]);
    await one.deliverDue(Date.now());
    expect(await outbox.outboxStatus()).toMatchObject({ due: 0, dead: 3, delivered: 3 });
    await one.stop();
  });
});
