import { describe, expect, it } from "vitest";
import { loadShippedData } from "../../src/config/data.ts";
import type { ProcessSighting } from "../../src/model/sample.ts";
import type { WindowResult } from "../../src/pipeline/events.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";
import { nodeOfOne } from "./support/hashing.ts";

const EVE: ProcessSighting = { pid: 7, user: "eve", startTimeMs: 1000, memUsedBytes: 1e9 };
const MINER: ProcessSighting = {
  pid: 8,
  user: "eve",
  startTimeMs: 1000,
  exe: "/home/eve/xmrig",
  argv: ["./xmrig", "-o", "stratum+tcp://pool.example:3333", "--donate-level", "1"],
};

/** Two minutes in which the host is looked at every `everyMs`, at `phaseMs` of that. */
function finals(everyMs: number, phaseMs: number): WindowResult[] {
  const pipeline = new Pipeline({
    ...loadShippedData(),
    agentPids: () => new Set(),
    agentVersion: "0",
    scaleOf: () => ({ origin: "none" }),
  });
  const events = [...pipeline.push(nodeOfOne(1000))];
  for (let atMs = 10_000; atMs <= 130_000; atMs += 100) {
    if (atMs % everyMs === phaseMs)
      events.push(...pipeline.push({ kind: "host", atMs, list: [MINER] }));
    // A slow driver: what closes a window comes most of a second after its end.
    if (atMs % 1000 !== 900) continue;
    events.push(...pipeline.push({ kind: "gpu", atMs, gpu: 0, gpuUtil: 1 }));
    events.push(...pipeline.push({ kind: "processes", atMs, gpu: 0, list: [EVE] }));
    events.push(...pipeline.push({ kind: "tick", atMs }));
  }
  events.push(...pipeline.flush());
  return events.flatMap((event) => (event.kind === "final" ? [event.result] : []));
}

describe("what the host shows beside a device", () => {
  it.each([
    [5000, 0],
    [5000, 300],
    [5000, 800],
    [5000, 2500],
    [10_000, 300],
    [10_000, 9900],
  ])("counts in every window, looked at every %d ms at %d ms of it", (everyMs, phaseMs) => {
    const whole = finals(everyMs, phaseMs).slice(1, -1);
    expect(whole.length).toBeGreaterThan(9);
    for (const { evidence } of whole)
      expect(evidence.map(({ feature }) => feature)).toContain("minerProcess");
  });
});
