import { EVIDENCE_FAMILIES } from "../../src/model/evidence.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_BODY_BYTES, payloadOf } from "../../src/alert/payload.ts";
import { messageId, orderGroup, toOutbox } from "../../src/alert/message.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import { AGAINST, HOST, TELEMETRY, TUNNEL } from "./facts.ts";
import { change } from "./messages.ts";

interface Body {
  type: string;
  timestamp: string;
  data: Record<string, unknown> & {
    title: string;
    evidence: { for: Line[]; against: Line[]; context: Line[]; leftOut: number };
    advice: string;
  };
}
interface Line {
  feature: string;
  text: string;
  weight: number;
}

function parse(text: string): Body {
  const body: Body = JSON.parse(text);
  return body;
}

describe("a payload", () => {
  test("says what, when, where, who and how grave, with evidence for and against", () => {
    const evidence = [TUNNEL, AGAINST, TELEMETRY, HOST];
    const body = parse(payloadOf(change("opened", { evidence })));
    expect(body.type).toBe("incident.opened");
    expect(body.timestamp).toBe("2025-10-09T08:55:20.000Z");
    expect(body.data).toMatchObject({
      rule: "mining",
      severity: "critical",
      state: "firing",
      simulated: false,
      node: "node-1",
      gpu: "GPU-a",
      owner: "user:alice",
      startedAt: "2025-10-09T08:53:20.000Z",
    });
    expect(body.data.evidence.for.map(({ feature }) => feature)).toEqual([
      "minerProcess",
      "intActive",
    ]);
    expect(body.data.evidence.against.map(({ feature }) => feature)).toEqual(["tensorActive"]);
    expect(body.data.evidence.context.map(({ feature }) => feature)).toEqual(["tunnel"]);
    expect(body.data.evidence.leftOut).toBe(0);
  });

  test("is the same for the same change, whenever it is made", () => {
    expect(payloadOf(change())).toBe(payloadOf(change()));
  });

  test.each(["opened", "updated", "resolved"] as const)("has the type of %s", (action) => {
    expect(parse(payloadOf(change(action))).type).toBe(`incident.${action}`);
  });

  test("advises no action on telemetry alone, and says when it is a simulation", () => {
    const notice = parse(payloadOf(change("opened", { severity: "notice", simulated: true })));
    expect(notice.data.advice).toContain("simulation");
    expect(notice.data.advice).toContain("take no action on it alone");
    expect(parse(payloadOf(change())).data.advice).not.toContain("simulation");
  });

  test("leaves out the lightest evidence first and says how much", () => {
    const evidence: Evidence[] = Array.from({ length: 40 }, (_, i) => ({
      ...HOST,
      feature: `feature${i}`,
      text: "界".repeat(500),
      weights: { "mining-like": i % 2 === 0 ? i : -i },
    }));
    const text = payloadOf(change("opened", { evidence }));
    const { evidence: kept } = parse(text).data;
    expect(Buffer.byteLength(text)).toBeLessThan(MAX_BODY_BYTES);
    expect(kept.leftOut).toBeGreaterThan(0);
    expect(kept.for.length + kept.against.length + kept.leftOut).toBe(40);
    expect(kept.against[0]?.feature).toBe("feature39");
    expect(kept.for[0]?.feature).toBe("feature38");
  });

  test("is small, printable and whole whatever strings and evidence it is made of", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary", maxLength: 3000 }),
      fc.constantFrom(
        "\u202E".repeat(3000),
        "\u{1F4A9}".repeat(2000),
        '"\\'.repeat(2000),
        "\uD800".repeat(2000),
      ),
    );
    const item = fc.record({
      family: fc.constantFrom(...EVIDENCE_FAMILIES),
      feature: hostile,
      value: fc.oneof(hostile, fc.double()),
      text: hostile,
      weights: fc.record({ "mining-like": fc.double({ noNaN: true }) }),
    });
    const more = fc.record({
      title: hostile,
      summary: hostile,
      ownerKey: hostile,
      node: hostile,
      gpuUuid: hostile,
      rule: hostile,
      evidence: fc.array(item, { maxLength: 60 }),
    });
    fc.assert(
      fc.property(more, (parts) => {
        const text = payloadOf(change("opened", parts));
        expect(Buffer.byteLength(text)).toBeLessThan(MAX_BODY_BYTES);
        const { evidence } = parse(text).data;
        const kept = evidence.for.length + evidence.against.length + evidence.context.length;
        expect(kept + evidence.leftOut).toBe(parts.evidence.length);
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 60 },
    );
  });
});

describe("messages", () => {
  test("go to each endpoint under one id", () => {
    const messages = toOutbox(change(), [{ name: "a" }, { name: "b" }], 5);
    expect(messages.map(({ endpoint }) => endpoint)).toEqual(["a", "b"]);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
    expect(messages[0]).toMatchObject({ type: "incident.opened", createdAtMs: 5 });
    expect(toOutbox(change(), [], 5)).toEqual([]);
  });

  test("have ids without a dot, that sort as the changes came and name their incident", () => {
    fc.assert(
      fc.property(fc.nat(4e12), fc.integer({ min: 1, max: 1e9 }), (firstMs, laterMs) => {
        const first = messageId(change("opened", { updatedAtMs: firstMs }));
        const later = messageId(change("resolved", { updatedAtMs: firstMs + laterMs }));
        expect(first < later).toBe(true);
        expect(orderGroup(first)).toBe(orderGroup(later));
        expect(first).not.toContain(".");
      }),
    );
  });

  test("of other incidents are of other groups, and foreign ids are groups of their own", () => {
    const other = messageId(change("opened", { id: "inc_other" }));
    expect(orderGroup(other)).not.toBe(orderGroup(messageId(change())));
    expect(orderGroup("anything")).toBe("anything");
  });
});
