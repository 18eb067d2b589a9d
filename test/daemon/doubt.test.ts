import { describe, expect, it } from "vitest";
import { recordingPipeline } from "../../src/cli/label-recording.ts";
import { Doubt, doubtAbout } from "../../src/daemon/doubt.ts";
import type { Incident } from "../../src/model/incident.ts";
import type { Observation } from "../../src/model/observation.ts";
import type { Slice } from "../../src/model/slice.ts";
import type { WindowResult } from "../../src/pipeline/events.ts";
import { incident } from "../ledger/fixtures/make.ts";

const AT = 1_800_000_000_000;

/** The pipeline's own first verdict on a device that works at this rate, one reading a second. */
function verdictOn(gpuUtil: number, powerWatts: number | undefined): WindowResult {
  const pipeline = recordingPipeline();
  const gpus = [{ index: 1, uuid: "GPU-b", model: "Test GPU" }];
  const node = { node: "n", source: "a test", simulated: true, intervalMs: 1000, gpus };
  const seen: Observation[] = [{ kind: "node", atMs: AT, ...node }];
  for (let second = 0; second <= 10; second++) {
    const atMs = AT + second * 1000;
    seen.push({ kind: "gpu", atMs, gpu: 1, gpuUtil, powerWatts });
    seen.push({ kind: "processes", atMs, gpu: 1, list: [{ pid: 7, startTimeMs: AT, user: "a" }] });
    seen.push({ kind: "tick", atMs });
  }
  const events = seen.flatMap((observation) => pipeline.push(observation));
  const [first] = events.flatMap((event) => (event.kind === "provisional" ? [event.result] : []));
  if (!first) throw new Error("no window closed");
  return first;
}

const busy = verdictOn(0.9, undefined);

describe("a verdict in doubt", () => {
  it("is an unknown label of a device somebody works on", () => {
    expect(busy.label).toBe("unknown");
    expect(doubtAbout(busy, 0.8)).toBe("label of gpu1 is unsure");
  });

  it.each([
    [0.79, "label of gpu1 is unsure"],
    [0.8, undefined],
  ])("is a label with confidence %s where alerts want 0.8: %s", (confidence, doubt) => {
    expect(doubtAbout({ ...busy, label: "mining-like", confidence }, 0.8)).toBe(doubt);
  });

  it("is never that of an idle device", () => {
    const idle = verdictOn(0, 60);
    expect(idle.label).toBe("idle");
    expect(doubtAbout(idle, 0.8)).toBeUndefined();
    expect(doubtAbout({ ...idle, confidence: 0.1 }, 0.8)).toBeUndefined();
  });

  const withOwners = (...parts: [Slice["owner"], number][]): WindowResult => {
    const [some] = busy.slices;
    if (!some) throw new Error("no slice");
    return { ...busy, slices: parts.map(([owner, timeMs]) => ({ ...some, owner, timeMs })) };
  };

  it("is never that of time nobody measured, nor of the agent's own", () => {
    expect(doubtAbout(withOwners([{ kind: "unobserved", id: "" }, 10_000]), 0.8)).toBeUndefined();
    expect(doubtAbout(withOwners([{ kind: "agent", id: "" }, 10_000]), 0.8)).toBeUndefined();
    const owner = { kind: "unattributed", id: "" } as const;
    const mostly = (ms: number) =>
      withOwners([{ kind: "unobserved", id: "" }, ms], [owner, 10_000 - ms]);
    expect(doubtAbout(mostly(5000), 0.8)).toBeDefined();
    expect(doubtAbout(mostly(5001), 0.8)).toBeUndefined();
  });
});

describe("who asks for fast sampling", () => {
  const rig = (open: Incident[] = []) => {
    const asked: unknown[] = [];
    const rate = {
      ask: (reason: string, atMs: number, how?: { urgent?: boolean }) =>
        void asked.push([reason, atMs, how?.urgent ?? false]),
    };
    const parts = { minConfidence: 0.8, openIncidents: () => open, nowMs: () => AT };
    return { asked, doubt: new Doubt({ ...parts, rate }), without: new Doubt(parts) };
  };
  const pending = incident({ state: "pending", gpuUuid: "GPU-b" });
  const urgent = ["an incident is pending", AT, true];

  it("is a verdict in doubt", () => {
    const { asked, doubt } = rig();
    doubt.provisional(busy);
    expect(asked).toEqual([["label of gpu1 is unsure", AT, false]]);
  });

  it("is a pending incident, at once and at every window of its device", () => {
    const { asked, doubt } = rig([pending]);
    doubt.incident(pending);
    expect(asked).toEqual([urgent]);
    doubt.provisional({ ...busy, label: "mining-like", confidence: 1 });
    expect(asked).toEqual([urgent, urgent]);
    doubt.provisional({ ...verdictOn(0, 60), gpu: { ...busy.gpu, uuid: "GPU-other" } });
    expect(asked).toHaveLength(2);
  });

  it("is no incident that fires or is over, and none that no device is part of", () => {
    const { asked, doubt } = rig();
    doubt.incident({ ...pending, state: "firing" });
    doubt.incident({ ...pending, state: "resolved" });
    doubt.incident({ ...pending, gpuUuid: undefined });
    expect(asked).toEqual([]);
  });

  it("is nobody where the rate is fixed", () => {
    const { asked, without } = rig([pending]);
    without.provisional(busy);
    without.incident(pending);
    expect(asked).toEqual([]);
  });
});

describe("who looks closer at processes", () => {
  const rig = (open: Incident[] = []) => {
    const told = { times: 0 };
    const doubted = (): void => void (told.times += 1);
    const parts = { minConfidence: 0.8, openIncidents: () => open, nowMs: () => AT };
    return { told, doubt: new Doubt({ ...parts, doubted }) };
  };

  it("is told of a verdict in doubt and of a pending incident, and of nothing else", () => {
    const { told, doubt } = rig();
    doubt.provisional(busy);
    expect(told.times).toBe(1);
    doubt.incident(incident({ state: "pending", gpuUuid: "GPU-b" }));
    expect(told.times).toBe(2);
    doubt.provisional({ ...busy, label: "mining-like", confidence: 0.9 });
    doubt.incident(incident({ state: "firing", gpuUuid: "GPU-b" }));
    doubt.incident(incident({ state: "pending", gpuUuid: undefined }));
    expect(told.times).toBe(2);
  });
});
