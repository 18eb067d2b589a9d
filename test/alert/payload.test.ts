import { EVIDENCE_FAMILIES } from "../../src/model/evidence.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_BODY_BYTES, payloadOf } from "../../src/alert/payload.ts";
import { messageId, orderGroup, toOutbox } from "../../src/alert/message.ts";
import type { KnownProcess } from "../../src/ledger/contract.ts";
import type { Cause } from "../../src/model/incident.ts";
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

describe("what a payload says beside the evidence", () => {
  const cause: Cause = {
    score: 0.8234,
    reasons: ["it was on when the process started"],
    context: { fromMs: 1_760_000_000_000, tool: "execute_bash", episode: "ep-17", id: "span" },
  };
  const known = (pid: number, over: Partial<KnownProcess> = {}): KnownProcess => ({
    node: "node-1",
    pid,
    gpuUuids: [],
    ownerKey: "user:alice",
    comm: "p",
    firstSeenMs: pid,
    ...over,
  });
  const data = (text: string): Record<string, unknown> => parse(text).data;

  test("is causes, usage, story and the processes to look at first", () => {
    const totals = { count: 3, firstMs: 0, lastMs: 4, gpuMs: 3_600_000, energyUnmeasuredMs: 0 };
    const usage = {
      untilMs: 1_760_000_120_000,
      gpuMs: 1500,
      energyMj: 3_600_000_000,
      energyUnmeasuredMs: 0,
    };
    const processes = [known(1), known(9, { gpuUuids: ["GPU-a"] }), known(4242), known(2)];
    const said = data(
      payloadOf(change("opened", { causes: [cause], usage }), {
        processes,
        story: { id: "sto_1", text: "3rd incident of this story", totals },
      }),
    );
    expect(said["causes"]).toEqual([
      {
        from: "2025-10-09T08:53:20.000Z",
        score: 0.823,
        reasons: cause.reasons,
        tool: "execute_bash",
        episode: "ep-17",
      },
    ]);
    expect(said["usage"]).toMatchObject({ gpuSeconds: 1.5, energyKwh: 1 });
    expect(said["story"]).toMatchObject({ id: "sto_1", incidents: 3, gpuSeconds: 3600 });
    expect(said["summary"]).toContain("3rd incident of this story");
    // Evidence names 4242; then the one on a GPU; then the newest.
    expect(said["processes"]).toMatchObject([{ pid: 4242 }, { pid: 9 }, { pid: 2 }, { pid: 1 }]);
  });

  test("is absent where nothing is known, and five of each at the most", () => {
    const bare = data(payloadOf(change()));
    expect(bare["causes"]).toEqual([]);
    expect(bare).not.toHaveProperty("usage");
    expect(bare).not.toHaveProperty("story");
    const many = Array.from({ length: 30 }, (_, i) => known(i));
    const causes = Array.from({ length: 20 }, () => cause);
    const full = data(payloadOf(change("opened", { causes }), { processes: many }));
    expect(full["causes"]).toHaveLength(5);
    expect(full["processes"]).toHaveLength(5);
  });

  test("is small and printable whatever it is made of, times that are none included", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary", maxLength: 2100 }),
      fc.constantFrom("\u202E".repeat(2000), '"\\'.repeat(1000), "\uD800\u001B".repeat(1000)),
    );
    const word = fc.option(hostile, { nil: undefined });
    const causes = fc.array(
      fc.record({
        score: fc.double({ min: 0, max: 1, noNaN: true }),
        reasons: fc.array(hostile, { maxLength: 8 }),
        context: fc.record({
          fromMs: fc.maxSafeInteger(),
          toMs: fc.option(fc.maxSafeInteger(), { nil: undefined }),
          tool: word,
          agent: word,
          service: word,
          session: word,
          image: word,
          arguments: word,
          pids: fc.array(fc.nat(), { maxLength: 64 }),
        }),
      }),
      { maxLength: 12 },
    );
    const processes = fc.array(
      fc.record({ comm: word, command: word, user: word, exe: word }).map((over) => known(7, over)),
      { maxLength: 12 },
    );
    const more = fc.record({ causes, title: hostile, summary: hostile, ownerKey: hostile });
    fc.assert(
      fc.property(more, processes, hostile, (parts, list, id) => {
        const totals = { count: 2, firstMs: 0, lastMs: 0, gpuMs: 0, energyUnmeasuredMs: 0 };
        const story = { id, text: "2nd incident of this story", totals };
        const text = payloadOf(change("opened", parts), { processes: list, story });
        expect(Buffer.byteLength(text)).toBeLessThan(MAX_BODY_BYTES);
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        parse(text);
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
