import { describe, expect, it } from "vitest";
import { ownMsIn } from "../../src/attribute/own-time.ts";
import type { ProbeObservation } from "../../src/model/observation.ts";
import { OwnRuns } from "../../src/pipeline/own-runs.ts";

const NOBODY: ReadonlySet<number> = new Set();
const probe = (atMs: number, over: Partial<ProbeObservation> = {}): ProbeObservation => ({
  kind: "probe",
  atMs,
  gpu: 0,
  kernel: "k",
  durationSeconds: 0.004,
  work: 1,
  ...over,
});
const list = (atMs: number, ...pids: readonly number[]) =>
  ({ kind: "processes", gpu: 0, atMs, list: pids.map((pid) => ({ pid })) }) as const;

describe("the agent's launches on a device", () => {
  it("lie before their end, and in the open window where they are told too late", () => {
    const own = new OwnRuns();
    own.add(probe(9999), 0);
    own.add(probe(10_001), 10_000);
    const time = own.time(NOBODY);
    expect(ownMsIn(time, { fromMs: 0, toMs: 10_000 })).toBe(4);
    expect(ownMsIn(time, { fromMs: 10_000, toMs: 20_000 })).toBe(4);
  });

  it("are no longer than any launch can be, whatever a recording says", () => {
    const own = new OwnRuns();
    own.add(probe(5000, { durationSeconds: 1e9 }), 0);
    expect(ownMsIn(own.time(NOBODY), { fromMs: 0, toMs: 1e9 })).toBe(60_000);
  });

  it("are bounded in number, and lose nothing of the sum by it", () => {
    const own = new OwnRuns();
    for (let i = 1; i <= 10_000; i++) own.add(probe(i * 10, { durationSeconds: 0.0004 }), 0);
    const time = own.time(NOBODY);
    expect([time.runs.length, own.probes.length]).toEqual([4096, 4096]);
    const lastMs = ownMsIn(time, { fromMs: 99_000, toMs: 100_000 });
    expect(lastMs).toBe(40);
    own.forget(200_000);
    expect([own.time(NOBODY).runs.length, own.probes.length]).toEqual([0, 0]);
    expect(own.time(NOBODY).beforeMs).toBeCloseTo(4000);
  });

  it("name the process that holds the device, until a list shows that it has ended", () => {
    const own = new OwnRuns();
    own.add(probe(1000, { pid: 7 }), 0);
    own.noteList(list(1000));
    expect([...own.time(new Set([9])).pids]).toEqual([9, 7]);
    own.noteList(list(1001, 7, 8));
    expect([...own.time(NOBODY).pids]).toEqual([7]);
    own.noteList(list(2000, 8));
    expect([...own.time(NOBODY).pids]).toEqual([]);
  });
});
