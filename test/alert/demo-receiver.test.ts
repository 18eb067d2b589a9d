import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createDeliverer } from "../../src/alert/delivery.ts";
import {
  type DemoReceiver,
  type ReceivedAlert,
  startDemoReceiver,
} from "../../src/alert/demo-receiver.ts";
import { MemoryOutbox } from "../support/memory-outbox.ts";
import { life, memoryLog } from "./messages.ts";

let alerts: ReceivedAlert[];
let receiver: DemoReceiver;

beforeEach(async () => {
  alerts = [];
  receiver = await startDemoReceiver({
    randomBytes,
    clock: Date.now,
    onAlert: (alert) => alerts.push(alert),
  });
});
afterEach(() => receiver.close());

function headers(id: string, body: string, atMs = Date.now()): Record<string, string> {
  const seconds = Math.floor(atMs / 1000);
  return {
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": receiver.endpoint.keys.sign(id, seconds, body),
  };
}

const post = (body: string, given: Record<string, string>): Promise<Response> =>
  fetch(receiver.endpoint.url, { method: "POST", body, headers: given });

describe("the demonstration's receiver", () => {
  test("calls back with each alert that the deliverer sends, in order", async () => {
    const outbox = new MemoryOutbox();
    outbox.commit(life("inc_a", "demo"));
    const deliverer = createDeliverer({
      outbox,
      endpoints: [receiver.endpoint],
      clock: Date.now,
      random: Math.random,
      log: memoryLog(),
    });
    await deliverer.deliverDue(Date.now());
    await deliverer.stop();
    expect(alerts.map(({ type }) => type)).toEqual([
      "incident.opened",
      "incident.updated",
      "incident.resolved",
    ]);
    expect(alerts[0]).toMatchObject({
      id: outbox.entries[0]?.id,
      title: "Mining-like work by user:alice on GPU GPU-a of node-1",
      severity: "critical",
      simulated: false,
    });
  });

  test("takes a repeated message, and calls back once", async () => {
    const body = life("inc_a")[0]?.body ?? "";
    expect((await post(body, headers("m", body))).status).toBe(204);
    expect((await post(body, headers("m", body))).status).toBe(204);
    expect(alerts).toHaveLength(1);
  });

  test("refuses what is not signed, signed for another body, or old", async () => {
    const body = life("inc_a")[0]?.body ?? "";
    expect((await post(body, {})).status).toBe(401);
    expect((await post(body, headers("m", `${body} `))).status).toBe(401);
    expect((await post(body, headers("m", body, Date.now() - 400_000))).status).toBe(401);
    expect(alerts).toEqual([]);
  });

  test("refuses a signed body that is no alert, and any other method", async () => {
    expect((await post("{}", headers("m", "{}"))).status).toBe(400);
    expect((await post("no json", headers("m", "no json"))).status).toBe(400);
    expect((await fetch(receiver.endpoint.url)).status).toBe(405);
    expect(alerts).toEqual([]);
  });

  test("takes no more than an alert can be long", async () => {
    const body = "x".repeat(2_000_000);
    const answer = await post(body, headers("m", body)).then(
      ({ status }) => status,
      () => "connection closed",
    );
    expect([413, "connection closed"]).toContain(answer);
    expect(alerts).toEqual([]);
  });

  test("listens on the loopback interface only", () => {
    expect(receiver.endpoint.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\//);
  });
});
