import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SkewEstimator } from "../../../src/collect/context/skew.ts";
import type { Notice } from "../../../src/collect/thread/protocol.ts";
import { closeReceivers, startReceiver, traceRequest } from "./receiver.ts";
import { afterEach } from "vitest";

const T0 = 1_800_000_000_000;

/** Deliveries every `everyMs`, each `delays[i]` after its newest event, of a clock that is off. */
function heard(
  skewMs: number,
  delays: readonly number[],
  everyMs = 10_000,
): ReturnType<SkewEstimator["estimate"]> {
  const estimator = new SkewEstimator();
  delays.forEach((delayMs, i) => {
    const atMs = T0 + i * everyMs;
    estimator.delivered(atMs - delayMs + skewMs, atMs);
  });
  return estimator.estimate();
}

describe("a sender's clock", () => {
  it("that is right is not said to be off, whatever an exporter's delay up to 30 s", () => {
    const delays = fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 40 });
    const steady = fc.integer({ min: 5000, max: 30_000 }).map((ms) => Array<number>(20).fill(ms));
    fc.assert(
      fc.property(fc.oneof(delays, steady), (all) => {
        expect(heard(0, all)).toBeUndefined();
      }),
    );
  });

  it.each([
    ["an hour ahead", 3_600_000],
    ["an hour behind", -3_600_000],
    ["four minutes ahead", 240_000],
    ["four minutes behind", -240_000],
    ["ten seconds ahead", 10_000],
  ])("that is %s is found within its own uncertainty", (_name, skewMs) => {
    const estimate = heard(skewMs, [3000, 5000, 1000, 4000, 2000, 1500]);
    expect(estimate?.fromMs).toBeLessThanOrEqual(skewMs);
    expect(estimate?.toMs).toBeGreaterThanOrEqual(skewMs);
    expect(Math.abs((estimate?.skewMs ?? 0) - skewMs)).toBeLessThanOrEqual(1000);
    expect(estimate?.text).toMatch(skewMs > 0 ? /ahead of/ : /behind/);
  });

  it("is corrected from more than 2 s on: no event comes before it happened", () => {
    expect(heard(2000, [0, 0, 0])).toBeUndefined();
    expect(heard(2001, [0, 0, 0])?.skewMs).toBe(2001);
  });

  it("is known to be ahead by one delivery, and to be behind only by several over some time", () => {
    expect(heard(60_000, [0])?.skewMs).toBe(60_000);
    expect(heard(-600_000, [0])).toBeUndefined();
    expect(heard(-600_000, [0, 0, 0], 1000)).toBeUndefined();
    expect(heard(-600_000, [0, 0, 0], 10_000)?.skewMs).toBe(-600_000);
  });

  it("is not behind where old news is caught up with", () => {
    const backlog = Array.from({ length: 20 }, (_, i) => 3_600_000 - i * 180_000);
    expect(heard(0, backlog)).toBeUndefined();
  });

  it("is not moved by one event with a time in the future", () => {
    expect(heard(0, [3000, 2000, -7_200_000, 4000, 3000])).toBeUndefined();
    expect(heard(3_600_000, [3000, 2000, -7_200_000, 4000])?.skewMs).toBe(3_598_000);
  });

  it("that is days off is no clock but old news", () => {
    expect(heard(-864e5 * 2, [0, 0, 0, 0])).toBeUndefined();
  });

  it("is forgotten after ten minutes", () => {
    const estimator = new SkewEstimator();
    estimator.delivered(T0 + 60_000, T0);
    expect(estimator.estimate()?.skewMs).toBe(60_000);
    estimator.delivered(T0 + 600_001, T0 + 600_001);
    expect(estimator.estimate()).toBeUndefined();
  });
});

describe("starts of processes", () => {
  const told = (delayMs: number, startMs: number, eventMs: number) => {
    const estimator = new SkewEstimator();
    estimator.delivered(T0 - delayMs, T0);
    estimator.started(startMs, eventMs, T0);
    return estimator.estimate();
  };

  it("show a clock that is behind by seconds, which delay alone would hide", () => {
    // Something happened 8 s before the process that did it had started.
    expect(told(12_000, T0 - 20_000, T0 - 28_000)).toMatchObject({
      skewMs: -10_000,
      fromMs: -12_000,
      toMs: -8000,
    });
  });

  it("say nothing where the process had long been there", () => {
    expect(told(12_000, T0 - 900_000, T0 - 28_000)).toBeUndefined();
  });

  it("of a process that cannot be the sender's are not believed", () => {
    // It would have to be behind by more than the newest event lets it be.
    expect(told(1000, T0 - 20_000, T0 - 80_000)).toBeUndefined();
  });
});

afterEach(closeReceivers);

describe("the contexts of a sender whose clock is off", () => {
  const send = async (skewMs: number, deliveries: number) => {
    let nowMs = T0;
    const notices: Notice[] = [];
    const onNotice = (notice: Notice): void => void notices.push(notice);
    const receiver = await startReceiver({ nowMs: () => nowMs, onNotice });
    for (let i = 0; i < deliveries; i += 1) {
      nowMs = T0 + i * 15_000;
      const ended = nowMs - 1000 + skewMs;
      const attributes = { "gen_ai.tool.name": "bash" };
      const spans = [{ id: i + 1, fromMs: ended - 4000, toMs: ended, attributes }];
      await receiver.post(
        "/v1/traces",
        JSON.stringify(traceRequest({ "service.name": "s\u001b[0m", "host.name": "h" }, spans)),
      );
    }
    return { contexts: await receiver.taken(), notices, nowMs };
  };

  it.each([
    ["ahead", 600_000],
    ["behind", -600_000],
  ])("are put on this node's, %s, and it is said once in words", async (side, skewMs) => {
    const { contexts, notices, nowMs } = await send(skewMs, 5);
    const last = contexts.at(-1);
    expect(last?.skewMs).toBe(skewMs - 1000);
    // Off by the delay of delivery at most, which nobody can tell from skew.
    expect(last).toMatchObject({ fromMs: nowMs - 4000, toMs: nowMs });
    expect(notices.map(({ text }) => text)).toEqual([
      expect.stringMatching(
        new RegExp(`run context of s\\\\u\\{1b\\}\\[0m on h: its clock .*${side}`),
      ),
    ]);
  });

  it("stay as they are where it is right", async () => {
    const { contexts, notices } = await send(0, 5);
    expect(contexts.every((each) => each.skewMs === undefined)).toBe(true);
    expect(notices).toEqual([]);
  });
});
