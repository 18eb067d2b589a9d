import type { Evidence } from "../../model/evidence.ts";
import type { Severity } from "../../model/incident.ts";
import { parseOwnerKey } from "../../model/owner.ts";
import type { ShareBasis } from "../../model/slice.ts";
import { sanitize } from "../../model/text.ts";
import { windowLengthMs } from "../../model/window.ts";
import { isGraver } from "./change.ts";
import { isOfProcess, miningSeverity, miningWeight } from "./evidence.ts";
import type { HitWindow, KindOf } from "./gpu-history.ts";

/** One sign that the owner rule follows: what it looks for, and what it says of it. Stateless. */
export interface OwnerKind {
  rule: string;
  kindOf: KindOf;
  /** How much of the dwell a window with the sign is worth, in milliseconds. */
  amountMs: (hit: HitWindow) => number;
  severity: (newestFirst: readonly (readonly Evidence[])[]) => Severity;
  /** Of a window's evidence what the incident keeps. */
  evidenceOf: (evidence: readonly Evidence[]) => Evidence[];
  title: (node: string, ownerKey: string) => string;
  /** As in "A tunnel was seen in …". */
  subject: string;
  /** What the sign proves, and what it does not. */
  stance: string;
}

/** Below this share of a window it is a sliver: a process that came and went between two scans. */
const SLIVER = 0.05;

/** Of the lines that are nobody's, busy time without a visible process is the only one that acts. */
const NOBODY: ReadonlySet<string> = new Set(["idle", "unobserved", "agent"]);

const UNSEEN: Evidence = {
  family: "context",
  feature: "hiddenUse",
  text: "the device was busy, the process collector worked, and no process was on the device",
  weights: {},
};

export const HIDDEN_USE: OwnerKind = {
  rule: "hidden-use",
  kindOf: ({ ownerKey, basis, timeMs, window }) => {
    if (ownerKey === "unobserved") return "unobserved";
    if (ownerKey !== "unattributed") return "clear";
    // Nothing looked at all processes: that accuses nobody, and clears nobody.
    if (basis === "no-process-source" || basis === "partial-list") return "hint";
    return isHidden(basis) && timeMs >= SLIVER * windowLengthMs(window) ? "hit" : "clear";
  },
  amountMs: (hit) => hit.part.timeMs,
  severity: () => "warning",
  evidenceOf: (evidence) => {
    const kept = telling(evidence);
    return kept.some(({ feature }) => feature === UNSEEN.feature) ? kept : [UNSEEN, ...kept];
  },
  title: (node) => `GPU work on ${sanitize(node, 64)} that no visible process explains`,
  subject: "Busy time that no visible process explains",
  stance:
    "A process that hides, or one outside the view of the collector: another pid namespace, say.",
};

export const TUNNEL: OwnerKind = {
  ...onFeature("tunnel"),
  rule: "tunnel",
  severity: () => "notice",
  title: (node, owner) => `Tunnel beside the GPU work of ${who(owner)} on ${sanitize(node, 64)}`,
  subject: "A tunnel in the process trees of GPU work",
  stance: "Tunnels have honest uses: reason to ask, no proof.",
};

export const POOL: OwnerKind = {
  ...onFeature("poolConnection"),
  rule: "pool",
  // How grave it is hangs on what telemetry says, for and against.
  evidenceOf: (evidence) =>
    evidence.filter(
      (item) => isOfProcess(item) || (item.family === "telemetry" && miningWeight(item) !== 0),
    ),
  severity: (windows) => {
    const agreed = miningSeverity(windows);
    return isGraver(agreed, "warning") ? agreed : "warning";
  },
  title: (node, owner) =>
    `Mining pool connection of the GPU work of ${who(owner)} on ${sanitize(node, 64)}`,
  subject: "A connection with independent signs of a mining pool",
  stance: "It says what the processes talk to, not what the GPU does: the label says that.",
};

export const PROBING: OwnerKind = {
  ...onFeature("internalProbing"),
  rule: "probing",
  severity: () => "notice",
  title: (node, owner) =>
    `Internal addresses probed beside the GPU work of ${who(owner)} on ${sanitize(node, 64)}`,
  subject: "Connections to many internal addresses",
  stance: "A cluster's own start can look like it: reason to ask, no proof.",
};

export const EGRESS: OwnerKind = {
  ...onFeature("newDestination"),
  rule: "egress",
  severity: () => "warning",
  title: (node, owner) =>
    `Destination that is not allowed, of the GPU work of ${who(owner)} on ${sanitize(node, 64)}`,
  subject: "A connection to a destination outside the owner's allow-list",
  stance: "The list is the operator's: either the list or the job is wrong.",
};

export const OWNER_RULES = [HIDDEN_USE, TUNNEL, POOL, PROBING, EGRESS] as const;

/** A sign that arrives as evidence on an owner's slices. */
function onFeature(feature: string): Pick<OwnerKind, "kindOf" | "amountMs" | "evidenceOf"> {
  return {
    kindOf: ({ ownerKey, evidence }) => {
      if (ownerKey === "unobserved") return "unobserved";
      const isSeen =
        !NOBODY.has(parseOwnerKey(ownerKey)?.kind ?? "") &&
        evidence.some((item) => item.feature === feature);
      return isSeen ? "hit" : "clear";
    },
    amountMs: (hit) => windowLengthMs(hit),
    evidenceOf: telling,
  };
}

/** A working process collector looked, and what it saw does not explain the use of the device. */
export function isHidden(basis: ShareBasis | undefined): boolean {
  return basis === "nobody-seen" || basis === "hidden-process";
}

/** Facts of processes and connections; what telemetry says is the mining incident's. */
function telling(evidence: readonly Evidence[]): Evidence[] {
  return evidence.filter((item) => isOfProcess(item) || item.feature === UNSEEN.feature);
}

function who(ownerKey: string): string {
  return ownerKey === "unattributed" ? "no visible process" : sanitize(ownerKey, 80);
}
