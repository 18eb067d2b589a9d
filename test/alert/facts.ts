import type { SliceFact } from "../../src/alert/facts.ts";
import { IncidentEngine } from "../../src/alert/incidents.ts";
import type { MiningSettings } from "../../src/alert/rules/mining.ts";
import { shortHash } from "../../src/alert/signing.ts";
import type { Evidence } from "../../src/model/evidence.ts";

export const WINDOW_MS = 10_000;
/** A Thursday noon on whole windows. */
export const START_MS = 1_760_000_400_000;

export const TELEMETRY: Evidence = {
  family: "telemetry",
  feature: "intActive",
  value: 0.97,
  text: "integer units are busy 97 % of the time",
  weights: { "mining-like": 2.4 },
};
export const AGAINST: Evidence = {
  family: "telemetry",
  feature: "tensorActive",
  value: 0.2,
  text: "tensor cores are used",
  weights: { "mining-like": -0.5, "training-like": 0.4 },
};
export const HOST: Evidence = {
  family: "host",
  feature: "minerProcess",
  value: 4242,
  text: "process 4242 shows independent signs of a miner",
  weights: { "mining-like": 5 },
};
export const TUNNEL: Evidence = {
  family: "context",
  feature: "tunnel",
  value: 4243,
  text: "an ssh process that opens a reverse tunnel",
  weights: {},
};

/** One letter a window: what the device did in it. */
export type Scene = "m" | "h" | "x" | "w" | "t" | "?" | "." | "o";

/**
 * m mining by telemetry, h with host evidence too, x by host evidence alone, w weakly mining-like,
 * t training, ? unknown, . the owner is gone and the device idle, o unobserved.
 */
export function windowFacts(scene: Scene, index: number, owner = "user:alice"): SliceFact[] {
  const fromMs = START_MS + index * WINDOW_MS;
  const base = {
    node: "node-1",
    gpuUuid: "GPU-a",
    ownerKey: owner,
    window: { fromMs, toMs: fromMs + WINDOW_MS },
    timeMs: WINDOW_MS,
    confidence: 0.9,
    evidence: [],
    simulated: false,
  };
  switch (scene) {
    case "m":
      return [{ ...base, label: "mining-like", evidence: [TELEMETRY, AGAINST] }];
    case "h":
      return [{ ...base, label: "mining-like", evidence: [HOST, TELEMETRY, TUNNEL] }];
    case "x":
      return [{ ...base, label: "mining-like", evidence: [HOST, AGAINST] }];
    case "w":
      return [{ ...base, label: "mining-like", confidence: 0.79, evidence: [TELEMETRY] }];
    case "t":
      return [{ ...base, label: "training-like" }];
    case "?":
      return [{ ...base, label: "unknown", confidence: 0.3 }];
    case ".":
      return [{ ...base, ownerKey: "idle", label: "idle" }];
    case "o":
      return [{ ...base, ownerKey: "unobserved", label: "unknown", confidence: 0 }];
  }
}

export function engine(mining: Partial<MiningSettings> = {}): IncidentEngine {
  const off = { enabled: false };
  return new IncidentEngine({ mining, hidden: off, tunnel: off, network: off, hash: shortHash });
}

/** Plays one window a letter, and says what changed when: `opened@11` at the 12th window's end. */
export function play(
  subject: IncidentEngine,
  scenes: string,
  firstIndex = 0,
): { at: number; action: string; severity: string; summary: string; id: string }[] {
  return [...scenes].flatMap((scene, offset) => {
    const at = firstIndex + offset;
    return subject.observe(windowFacts(scene as Scene, at)).map(({ action, incident }) => {
      const { severity, summary, id } = incident;
      return { at, action, severity, summary, id };
    });
  });
}

export function endOf(index: number): number {
  return START_MS + (index + 1) * WINDOW_MS;
}
