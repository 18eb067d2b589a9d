import { type Owner, ownerKey } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import type { Label } from "../../model/label.ts";
import type { ShareBasis } from "../../model/slice.ts";

const MAX_OWNER = 100;

export function ownerText(owner: Owner): string {
  return sanitize(ownerKey(owner), MAX_OWNER);
}

/** An owner in words. */
export function whoText({ kind, id }: Owner): string {
  const name = sanitize(id, MAX_OWNER);
  switch (kind) {
    case "job":
      return jobText(name);
    case "pod":
      return `the pod ${name}`;
    case "unit":
      return ofPerson("service", name);
    case "container":
      return ofPerson("container", name);
    case "user":
      return `the user ${name}`;
    case "process":
      return `the process ${name}`;
    case "agent":
      return "the agent itself";
    case "unattributed":
      return "nobody who could be seen";
    case "idle":
      return "nobody: the device rested";
    case "unobserved":
      return "nobody knows: it was not measured";
  }
}

const SCHEDULERS: ReadonlyMap<string, string> = new Map([
  ["slurm", "Slurm"],
  ["ray", "Ray"],
]);

/** `slurm:4711` is proven; in `slurm:alice/4711` the job is alice's own word. */
function jobText(name: string): string {
  const [, key = "", job = ""] = /^(\w+):(.+)$/.exec(name) ?? [];
  const scheduler = SCHEDULERS.get(key);
  if (scheduler === undefined) return `the job ${name}`;
  const slash = job.indexOf("/");
  if (slash < 0) return `the ${scheduler} job ${job}`;
  return `${job.slice(0, slash)}, by own account in ${scheduler} job ${job.slice(slash + 1)}`;
}

/** `alice/train.service`: one that a person could name as he liked. */
function ofPerson(what: string, name: string): string {
  const slash = name.indexOf("/");
  return slash < 0
    ? `the ${what} ${name}`
    : `the ${what} ${name.slice(slash + 1)} of ${name.slice(0, slash)}`;
}

/** What a share rests on, in words that a person could check. */
export const BASIS_TEXT: Readonly<Record<ShareBasis, string>> = {
  "process-utilization": "split by what the driver says each process used",
  "sole-process": "one process held the device",
  "memory-held":
    "split by memory held, since the driver does not say what each process used: a rough measure",
  "equal-split": "split in equal parts, since nothing tells the processes apart: a guess",
  "unmeasured-rest":
    "what the measured processes leave of the device's use, divided among those whose use the driver does not tell: they may have used it, or somebody unseen did",
  "mps-utilization":
    "clients of an MPS server, split by what the driver says each used: they run at the same time, so it is a share of the work and not of turns",
  "mps-memory-held":
    "clients of an MPS server, whose use the driver does not tell apart: split by memory held, a rough measure",
  "mps-equal-split":
    "clients of an MPS server, whose use the driver does not tell apart: split in equal parts, a guess",
  "mps-server-only":
    "an MPS server worked for clients that cannot be seen from here: it is not known whose work it was",
  "no-process-source": "the device was busy, and nothing looked at processes",
  "partial-list":
    "the device was busier than the processes that were seen, and not all processes of the host can be seen from here",
  "nobody-seen":
    "the device was busy, a working collector looked, and no process was there that explains it",
  "hidden-process":
    "the driver names a process that the host does not show, though all its processes can be seen",
  device: "said by the device itself",
  "own-measurement": "the agent's own launches, as each was timed",
  "no-sample": "nobody measured",
};

/** What a label does not prove, to be read by whoever acts on it. */
export const NOT_PROVEN: Readonly<Record<Label, readonly string[]>> = {
  "mining-like": [
    "It says that this stretch looks more like a search for proof of work than like anything else the model knows. Other work on whole numbers can look the same: checksums, sorting, compression, sequence alignment, cryptographic proofs, password recovery, hash benchmarks, some simulations.",
    "It does not show that coins were earned, who started the program, or whether they were allowed to.",
    "Before anybody is accused, a person should look at the process, its files and its connections, and hear the owner.",
  ],
  "training-like": [
    "It says what the work looks like, not which model was trained, on what, or whether it was meant to be.",
    "A proof of work on the tensor cores can look the same to telemetry.",
  ],
  "inference-like": [
    "It says what the work looks like, not which model was served or to whom.",
    "A miner inside a serving process can hide behind real requests.",
  ],
  other: [
    "It says that the work looks unlike models and unlike mining. What it was is not known from this.",
  ],
  idle: ["It says that hardly any kernel ran. Memory may have been held all the same."],
  unknown: [
    "It is no accusation, and no clearance either: what was measured does not decide. Nothing should follow from it but a closer look.",
  ],
};

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Of a share: milliseconds where it is less than a tenth of a second. */
export function timeText(timeMs: number): string {
  return timeMs < 100 ? `${timeMs} ms` : `${(timeMs / 1000).toFixed(1)} s`;
}

/** `2.7` as `2.7 times`; large ones rounded. */
export function timesText(times: number): string {
  if (times >= 1000) return "over 1000 times";
  return `${times >= 10 ? times.toFixed(0) : times.toFixed(1)} times`;
}

/** `makes mining-like 2.7 times as likely as other`, whichever of the two it favours. */
export function favourText(times: number, best: string, runnerUp: string): string {
  if (times > 0.95 && times < 1.05) return `hardly tells ${best} from ${runnerUp}`;
  return times >= 1
    ? `makes ${best} ${timesText(times)} as likely as ${runnerUp}`
    : `makes ${runnerUp} ${timesText(1 / times)} as likely as ${best}`;
}
