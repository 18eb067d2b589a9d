import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evidenceModelSchema } from "../../src/classify/evidence-model.ts";
import { hostEvidence } from "../../src/classify/host-evidence.ts";
import {
  decide,
  probabilities,
  scoresOf,
  smooth,
  telemetryEvidence,
} from "../../src/classify/score.ts";
import {
  shareVerdict,
  type WindowTimes,
  windowVerdict,
  withRogue,
} from "../../src/classify/window-verdict.ts";
import { DECIDABLE_LABELS, type Label } from "../../src/model/label.ts";
import { FEATURES, type Signature } from "../../src/model/signature.ts";
import type { Share } from "../../src/model/slice.ts";
import { loadShippedData } from "../../src/config/data.ts";

const { model, purposes, indicators: shipped } = loadShippedData();
const signature = (features: Signature["features"]): Signature => ({
  gpuUuid: "GPU-1",
  window: { fromMs: 0, toMs: 10_000 },
  features,
  scale: "public-limits",
  sampleCount: 10,
  workReadings: 100,
  isStill: false,
  coveredMs: 10_000,
});
const verdictOf = (features: Signature["features"]) => {
  const evidence = telemetryEvidence(signature(features), model);
  return decide(scoresOf(evidence, model), evidence, model);
};

/** What each kind of work looks like in principle; no figure comes from a recording. */
const hashing: Signature["features"] = {
  gpuUtil: 1,
  gpuUtilSpread: 0,
  powerLevel: 0.9,
  powerVariation: 0.002,
  memUtil: 0,
  memUsedShare: 0.01,
  pcieRxLevel: 0,
  smActive: 0.99,
  tensorActive: 0,
  dramActive: 0.001,
  intActive: 0.8,
  fp64Active: 0,
};
const training: Signature["features"] = {
  gpuUtil: 0.97,
  gpuUtilSpread: 0.05,
  powerLevel: 0.85,
  powerVariation: 0.05,
  memUtil: 0.5,
  memUsedShare: 0.8,
  pcieRxLevel: 0.02,
  nvlinkLevel: 0.05,
  smActive: 0.9,
  tensorActive: 0.5,
  dramActive: 0.4,
  intActive: 0.1,
  lockstep: 0.95,
};
const decoding: Signature["features"] = {
  gpuUtil: 0.6,
  gpuUtilSpread: 0.25,
  powerLevel: 0.4,
  powerVariation: 0.2,
  memUtil: 0.7,
  memUsedShare: 0.9,
  pcieRxLevel: 0.0001,
  smActive: 0.25,
  tensorActive: 0.05,
  dramActive: 0.7,
  intActive: 0.1,
};
const simulation: Signature["features"] = {
  gpuUtil: 0.98,
  gpuUtilSpread: 0.03,
  powerLevel: 0.8,
  powerVariation: 0.03,
  memUtil: 0.4,
  memUsedShare: 0.3,
  tensorActive: 0,
  dramActive: 0.4,
  intActive: 0.1,
  fp64Active: 0.5,
  smActive: 0.9,
};

describe("a verdict", () => {
  it("names plain cases of each kind of work", () => {
    expect(
      [hashing, training, decoding, simulation].map((features) => verdictOf(features).label),
    ).toEqual(["mining-like", "training-like", "inference-like", "other"]);
  });

  it("is unknown when nothing, or next to nothing, was measured", () => {
    expect(verdictOf({}).label).toBe("unknown");
    expect(verdictOf({ gpuUtil: 1, intActive: 0.9 }).label).toBe("unknown");
  });

  it("does not accuse on utilisation and power alone, however flat", () => {
    expect(
      verdictOf({ gpuUtil: 1, gpuUtilSpread: 0, powerLevel: 0.9, powerVariation: 0 }).label,
    ).not.toBe("mining-like");
  });

  it("does not accuse a waiting training rank, which is as flat as a miner", () => {
    expect(
      verdictOf({
        gpuUtil: 1,
        gpuUtilSpread: 0,
        powerLevel: 0.12,
        powerVariation: 0.001,
        lockstep: 0.9,
      }).label,
    ).not.toBe("mining-like");
  });

  it("is a probability for any features, and says what weighed most first", () => {
    const features = fc.dictionary(
      fc.constantFrom(...FEATURES),
      fc.double({ min: -1, max: 2, noNaN: true }),
    );
    fc.assert(
      fc.property(features, (values) => {
        const evidence = telemetryEvidence(signature(values), model);
        const shares = probabilities(scoresOf(evidence, model));
        expect(DECIDABLE_LABELS.reduce((sum, label) => sum + shares[label], 0)).toBeCloseTo(1);
        const verdict = decide(scoresOf(evidence, model), evidence, model);
        expect(verdict.confidence).toBeGreaterThanOrEqual(0.25 - 1e-9);
        const found = verdict.evidence.filter(({ feature }) => feature !== "undecided");
        expect(found).toHaveLength(evidence.length);
        // Who is not told a label is told why.
        expect(verdict.evidence.length - found.length).toBe(verdict.label === "unknown" ? 1 : 0);
      }),
    );
  });

  it("is moved towards its neighbours, and made no surer by copies of itself", () => {
    const own = scoresOf(telemetryEvidence(signature(training), model), model);
    expect(smooth(own, [own, own], 0.5)).toEqual(own);
    const other = scoresOf(telemetryEvidence(signature(decoding), model), model);
    expect(smooth(own, [other], 0.5)["training-like"]).toBeLessThan(own["training-like"]);
  });
});

describe("host evidence", () => {
  const indicators = shipped;
  const weight = (argv: string[], exe?: string) =>
    hostEvidence([{ pid: 1, argv, exe }], indicators).reduce(
      (sum, e) => sum + (e.weights["mining-like"] ?? 0),
      0,
    );

  it("counts two independent signs of a miner", () => {
    expect(
      weight(["./t-rex", "--algo", "kawpow", "-o", "stratum+tcp://pool.invalid:3333"]),
    ).toBeGreaterThan(0);
    expect(
      weight(["./renamed", "--algo=kawpow", "--url=stratum+ssl://pool.invalid:443"]),
    ).toBeGreaterThan(0);
    expect(
      weight(["/opt/xmrig (deleted)", "--donate-level=1"], "/opt/xmrig (deleted)"),
    ).toBeGreaterThan(0);
  });

  it.each([
    [["xmrig", "--help"], "a name alone"],
    [["cat", "stratum+tcp://notes.txt"], "an address alone"],
    [["train.py", "--algo", "ppo"], "an option of reinforcement learning"],
    [["python", "train.py", "--coin", "3", "--algo", "sac"], "two options are one kind of sign"],
    [["vim", "xmrig.conf"], "a file named like a miner"],
    [["zpool", "import", "-o", "cachefile=zpool.cache"], "a file system's tools"],
  ])("does not count %j: %s", (argv) => {
    expect(weight(argv)).toBe(0);
  });

  it("shows a reverse tunnel without weighing it, and leaves other ssh alone", () => {
    const tunnel = (argv: string[]) => hostEvidence([{ pid: 1, argv }], indicators);
    for (const argv of [
      ["ssh", "-R", "0:localhost:22", "h"],
      ["ssh", "-fNR", "1:h:2", "h"],
      ["/usr/bin/ssh", "-o", "RemoteForward=1 h:2", "h"],
      ["chisel", "client"],
    ])
      expect(tunnel(argv)).toMatchObject([{ family: "context", feature: "tunnel", weights: {} }]);
    for (const argv of [
      ["ssh", "-L", "1:h:2", "h"],
      ["sshd", "-R"],
      ["ssh", "host", "ls"],
    ])
      expect(tunnel(argv)).toEqual([]);
  });

  it("never lets a process write on the terminal of who reads the evidence", () => {
    const [found] = hostEvidence(
      [{ pid: 1, argv: ["xmrig", "--algo\u001b[2J=x", "--coin=1"] }],
      indicators,
    );
    expect(found?.text).not.toContain("\u001b");
  });
});

describe("a share's label", () => {
  const share = (user: string, timeMs: number): Share => ({
    owner: { kind: "user", id: user },
    timeMs,
    basis: "process-utilization",
    pids: [1],
  });
  const evidence = telemetryEvidence(signature(hashing), model);
  const scores = scoresOf(evidence, model);
  const miner = hostEvidence([{ pid: 1, argv: ["t-rex", "--algo", "kawpow"] }], shipped);
  const verdictIn = (times: WindowTimes) =>
    windowVerdict(times, () => decide(scores, evidence, model), model);
  const label = (mine: Share, busyMs: number, host: readonly (typeof miner)[number][] = []) => {
    const times = { busyMs, idleMs: 10_000 - busyMs, agentMs: 0 };
    const own = { host, declared: [], telemetry: [] };
    const found = { host: [], declared: [], telemetry: [] };
    const device = { verdict: verdictIn(times), scores, telemetry: evidence, found };
    return shareVerdict(mine, times, device, own, { model, purposes }).label;
  };

  it("is the device's where the owner had nearly all of it, on both sides of the limit", () => {
    expect(label(share("eve", 9000), 10_000)).toBe("mining-like");
    expect(label(share("eve", 8999), 10_000)).toBe("unknown");
  });

  it("accuses in a mixture only the owner whose own processes give him away", () => {
    expect(label(share("eve", 5000), 10_000, miner)).toBe("mining-like");
    expect(label(share("alice", 5000), 10_000)).toBe("unknown");
  });

  it("is unknown where the device hardly worked, unless the owner's processes give him away", () => {
    expect(label(share("eve", 1000), 1000)).toBe("mining-like");
    expect(label(share("eve", 999), 999)).toBe("unknown");
    expect(label(share("eve", 999), 999, miner)).toBe("mining-like");
  });

  it("leaves the agent's own launches out of what the device did, and names a calibration so", () => {
    const labelOf = (busyMs: number, idleMs: number, agentMs: number) =>
      verdictIn({ busyMs, idleMs, agentMs }).label;
    expect(labelOf(0, 9000, 1000)).toBe("idle");
    expect(labelOf(4500, 0, 4500)).toBe("mining-like");
    expect(labelOf(4500, 0, 4501)).toBe("other");
    expect(labelOf(0, 0, 10_000)).toBe("other");
  });

  it("is called by its rogue where one owner's share is a search, unless the device rests", () => {
    const said = (name: Label) => ({ label: name, confidence: 0.9, evidence: [] });
    const [job, search] = [said("training-like"), said("mining-like")];
    expect(withRogue(job, [job, search])).toBe(search);
    expect(withRogue(said("unknown"), [search]).label).toBe("mining-like");
    expect(withRogue(job, [job, said("unknown")])).toBe(job);
    expect(withRogue(said("idle"), [search]).label).toBe("idle");
  });

  it("is idle only where the device says so, on both sides of the limit", () => {
    expect(verdictIn({ busyMs: 999, idleMs: 9001, agentMs: 0 }).label).toBe("idle");
    expect(verdictIn({ busyMs: 1000, idleMs: 9000, agentMs: 0 }).label).toBe("mining-like");
    expect(verdictIn({ busyMs: 0, idleMs: 0, agentMs: 0 }).label).toBe("unknown");
  });
});

describe("the evidence model's file", () => {
  it("is refused when bins do not rise, or leave a gap at the end", () => {
    const [first, ...rest] = model.features;
    if (!first) throw new Error("the model has no features");
    const withBins = (bins: typeof first.bins) => ({
      ...model,
      features: [{ ...first, bins }, ...rest],
    });
    expect(evidenceModelSchema.safeParse(withBins(first.bins)).success).toBe(true);
    expect(evidenceModelSchema.safeParse(withBins([...first.bins].reverse())).success).toBe(false);
    expect(evidenceModelSchema.safeParse(withBins(first.bins.slice(0, -1))).success).toBe(false);
  });
});
