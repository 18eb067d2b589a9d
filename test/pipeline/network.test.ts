import { describe, expect, it } from "vitest";
import { EgressRules } from "../../src/classify/network/egress.ts";
import { explainScene } from "../../src/cli/explain/explain-scene.ts";
import { explanationText } from "../../src/cli/explain/text.ts";
import { loadShippedData } from "../../src/config/data.ts";
import type { ProcessSighting, SocketSighting } from "../../src/model/sample.ts";
import type { WindowResult } from "../../src/pipeline/events.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";
import type { PipelineSettings } from "../../src/pipeline/settings.ts";
import { scene } from "../cli/explain/support.ts";
import { nodeOfOne } from "./support/hashing.ts";

const DATA = loadShippedData();
const SETTINGS: PipelineSettings = {
  ...DATA,
  agentPids: () => new Set(),
  agentVersion: "0",
  scaleOf: () => ({ origin: "none" }),
};
const EVE: ProcessSighting = { pid: 7, user: "eve", startTimeMs: 1000, memUsedBytes: 1e9 };
const POOL: SocketSighting = {
  pid: 7,
  protocol: "tcp",
  localAddress: "10.0.0.2",
  localPort: 50_000,
  remoteAddress: "198.51.100.7",
  remotePort: 9000,
  state: "ESTABLISHED",
  remoteName: "eu.herominers.com",
};

/** Two minutes of a device that is busy, of which nothing more is measured. */
function finals(
  process: ProcessSighting,
  sockets: readonly SocketSighting[] | undefined,
  more: Partial<PipelineSettings> = {},
): WindowResult[] {
  const pipeline = new Pipeline({ ...SETTINGS, ...more });
  const events = [...pipeline.push(nodeOfOne(1000))];
  for (let atMs = 10_000; atMs <= 130_000; atMs += 1000) {
    events.push(...pipeline.push({ kind: "gpu", atMs, gpu: 0, gpuUtil: 1 }));
    events.push(...pipeline.push({ kind: "processes", atMs, gpu: 0, list: [process] }));
    if (sockets && atMs % 5000 === 0)
      events.push(...pipeline.push({ kind: "sockets", atMs, list: sockets }));
    events.push(...pipeline.push({ kind: "tick", atMs }));
  }
  events.push(...pipeline.flush());
  return events.flatMap((event) => (event.kind === "final" ? [event.result] : []));
}

const labels = (results: readonly WindowResult[]) => results.map(({ label }) => label);

describe("connections in the pipeline", () => {
  it("decide like signs on a process, from the window on in which they are long-lived", () => {
    const results = finals(EVE, [POOL]);
    expect(labels(results).slice(0, 5)).toEqual(Array.from({ length: 5 }, () => "unknown"));
    expect(labels(results).slice(7, 11)).toEqual(Array.from({ length: 4 }, () => "mining-like"));
    expect(results[8]?.slices[0]).toMatchObject({
      owner: { kind: "user", id: "eve" },
      label: "mining-like",
    });
    expect(results[8]?.slices[0]?.evidence[0]).toMatchObject({
      family: "network",
      feature: "poolConnection",
      weights: { "mining-like": 4 },
    });
  });

  it("change nothing where nobody looked, or where they are ordinary", () => {
    const none = labels(finals(EVE, undefined));
    expect(new Set(none)).toEqual(new Set(["unknown"]));
    expect(labels(finals(EVE, []))).toEqual(none);
    expect(labels(finals(EVE, [{ ...POOL, remoteName: "api.example.org" }]))).toEqual(none);
  });

  it("are another's, where the process has another owner", () => {
    const results = finals(EVE, [{ ...POOL, pid: 8 }]);
    expect(new Set(labels(results))).toEqual(new Set(["unknown"]));
  });

  it("tell of a destination that the owner's rules do not allow for longer than an alert waits, and no longer than two minutes", () => {
    const egress = new EgressRules([{ owner: "user:*", allow: ["10.0.0.0/8"] }]);
    const told = finals(EVE, [POOL], { egress }).flatMap(({ evidence }, i) =>
      evidence.some(({ feature }) => feature === "newDestination") ? [i] : [],
    );
    expect(told).toEqual([...told.keys()]);
    expect(told.length).toBeGreaterThan(3);
    expect(
      finals(EVE, [POOL]).some(({ evidence }) => JSON.stringify(evidence).includes("newDest")),
    ).toBe(false);
  });

  it("add to a miner's own signs, and the sum that is explained comes out", () => {
    const argv = ["./a", "-o", "stratum+tcp://198.51.100.7:9000", "--algo", "kawpow"];
    const [result] = finals({ ...EVE, argv }, [POOL]).slice(8);
    const slice = result?.slices[0];
    if (!slice) throw new Error("no slice");
    const explanation = explainScene(scene([slice], { model: DATA.model }), undefined);
    const [subject] = explanation.subjects;
    expect(subject?.sum?.host["mining-like"]).toBe(9);
    expect(subject?.sum?.whole?.agrees).toBe(true);
    expect(subject?.rule.decided.code).toBe("hostEvidence");
    const alone = finals(EVE, [POOL])[8]?.slices[0];
    const short = explanationText(
      explainScene(scene(alone ? [alone] : [], { model: DATA.model }), undefined),
      { width: 400, unicode: true },
    );
    expect(short).toContain(
      "What weighs most is a connection: process 7 is connected to what is a pool",
    );
    const page = explanationText(explanation, { width: 100, unicode: true });
    expect(page).toContain("two or more independent signs on one connection: they add +4.00");
    expect(page).toMatch(/signs on processes +0\.00 +0\.00 +\+9\.00/);
  });
});
