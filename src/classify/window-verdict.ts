import type { Evidence } from "../model/evidence.ts";
import { DECIDABLE_LABELS } from "../model/label.ts";
import type { Share } from "../model/slice.ts";
import type { EvidenceModel } from "./evidence-model.ts";
import { addDeclared, purposeContradiction } from "./declared-purpose.ts";
import type { Purposes } from "./purpose-data.ts";
import { decide, type Scores, scoresOf, type Verdict } from "./score.ts";

/** An owner has a window to himself, and the device's telemetry speaks for him, from this share on. */
const SOLE_OWNER_SHARE = 0.9;

/** Milliseconds of a window in which others worked, the agent did, or nobody. */
export interface WindowTimes {
  busyMs: number;
  idleMs: number;
  agentMs: number;
}

export function timesOf(shares: readonly Share[]): WindowTimes {
  const sum = (picked: readonly Share[]): number =>
    picked.reduce((acc, share) => acc + share.timeMs, 0);
  return {
    busyMs: sum(shares.filter((share) => isBusy(share))),
    idleMs: sum(shares.filter((share) => share.owner.kind === "idle")),
    agentMs: sum(shares.filter((share) => share.owner.kind === "agent")),
  };
}

const NO_WORK: ReadonlySet<string> = new Set(["idle", "unobserved", "agent"]);

/** Whether a share is somebody's work: neither rest, nor unmeasured time, nor the agent's own. */
export function isBusy({ owner }: Pick<Share, "owner">): boolean {
  return !NO_WORK.has(owner.kind);
}

/** The label of the device's window as a whole. */
export function windowVerdict(
  times: WindowTimes,
  decideOnIt: () => Verdict,
  { activity }: EvidenceModel,
): Verdict {
  const observedMs = times.busyMs + times.idleMs;
  if (times.agentMs > observedMs) return agentVerdict();
  if (observedMs === 0) return unobservedVerdict();
  if (times.busyMs / observedMs < activity.windowIdleBelowShare)
    return idleVerdict(times.idleMs / observedMs);
  return decideOnIt();
}

/** What an owner shows of himself, beside the device's telemetry. */
export interface OwnFindings {
  /** Of his processes and of their connections. */
  host: readonly Evidence[];
  declared: readonly Evidence[];
  /** Of his share alone; empty where he had the device to himself. */
  telemetry: readonly Evidence[];
}

/** What the device as a whole was read as. */
export interface DeviceReading {
  verdict: Verdict;
  /** Of its telemetry alone, smoothed. */
  scores: Scores;
  telemetry: readonly Evidence[];
  /** What all of its owners show, which its verdict counts in. */
  found: OwnFindings;
}

export interface JudgingData {
  model: EvidenceModel;
  purposes: Pick<Purposes, "maxRelief">;
}

/**
 * The label of one owner's share. The device's telemetry is the owner's own only where nearly all
 * busy time is theirs. Of a mixture it says nothing about any one of them: there the owner is judged
 * by what is told of his processes alone, and host evidence on them can decide.
 */
export function shareVerdict(
  share: Share,
  times: WindowTimes,
  device: DeviceReading,
  own: OwnFindings,
  data: JudgingData,
): Verdict {
  if (share.owner.kind === "idle") return idleVerdict(1);
  if (share.owner.kind === "unobserved") return unobservedVerdict();
  if (share.owner.kind === "agent") return agentVerdict();
  const isSole = share.timeMs >= SOLE_OWNER_SHARE * times.busyMs;
  if (isSole && device.verdict.label !== "idle")
    return own === device.found
      ? device.verdict
      : judged(device.scores, device.telemetry, own, data);
  const byHost = decide(scoresOf(own.host, data.model), own.host, data.model);
  if (byHost.label === "mining-like") return byHost;
  const why = isSole ? tooLittle() : sharedDevice();
  if (isSole)
    return { label: "unknown", confidence: byHost.confidence, evidence: [why, ...own.host] };
  const verdict = judged(scoresOf(own.telemetry, data.model), own.telemetry, own, data);
  return { ...verdict, evidence: [...verdict.evidence, why] };
}

/** Telemetry with what the owners' programs give away and declare; a contradiction is told, not weighed. */
export function judged(
  scores: Scores,
  telemetry: readonly Evidence[],
  { host, declared }: Omit<OwnFindings, "telemetry">,
  { model, purposes }: JudgingData,
): Verdict {
  const undeclared = addHost(scores, host);
  const evidence = [...host, ...declared, ...telemetry];
  if (declared.length === 0) return decide(undeclared, evidence, model);
  const contradiction = purposeContradiction(declared, decide(undeclared, evidence, model));
  const sum = addDeclared(undeclared, declared, purposes);
  return decide(sum, contradiction ? [...evidence, contradiction] : evidence, model);
}

/**
 * The device's window is called by its rogue: a search beside a training is not made good by it.
 * @param shares verdicts of its owners' shares
 */
export function withRogue(device: Verdict, shares: readonly Verdict[]): Verdict {
  if (device.label === "mining-like" || device.label === "idle") return device;
  return shares.find(({ label }) => label === "mining-like") ?? device;
}

/** Telemetry scores, smoothed or not, with the log-odds of host and network evidence on top. */
function addHost(scores: Scores, host: readonly Evidence[]): Scores {
  const sum = { ...scores };
  for (const label of DECIDABLE_LABELS)
    for (const item of host) sum[label] += item.weights[label] ?? 0;
  return sum;
}

function idleVerdict(confidence: number): Verdict {
  const text = "the device itself reports no kernel running";
  return { label: "idle", confidence, evidence: [context("activity", text)] };
}

function unobservedVerdict(): Verdict {
  const text = "nobody measured this stretch";
  return { label: "unknown", confidence: 0, evidence: [context("unobserved", text)] };
}

function agentVerdict(): Verdict {
  const text = "the agent's own probes and calibrations";
  return { label: "other", confidence: 1, evidence: [context("agent", text)] };
}

function sharedDevice(): Evidence {
  const text = "several owners shared the device: its telemetry speaks for none of them alone";
  return context("sharedDevice", text);
}

function tooLittle(): Evidence {
  const text = "the device worked too little in this window to tell what it did";
  return context("tooLittleActivity", text);
}

function context(feature: string, text: string): Evidence {
  return { family: "context", feature, text, weights: {} };
}
