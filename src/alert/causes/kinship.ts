import type { KnownProcess } from "../../ledger/contract.ts";
import type { RunContext } from "../../model/observation.ts";
import { nameText } from "./words.ts";

/** How a context is connected with whom the incident is about, other than by time. */
export interface Kinship {
  /** 0..1, or below 0 where it names somebody else. */
  score: number;
  reason: string;
}

/** A process of the incident, or one it descends from. */
interface Relative {
  /** Steps above; 0 is a process of the incident itself. */
  steps: number;
  startTimeMs: number | undefined;
  of: number;
}

const ONE_STEP = 0.05;
/** However far above: more than a shared place, which many activities have. */
const MIN_ANCESTRY = 0.75;
/** Containers, sessions and runs are shared by more than one activity. */
const SAME_PLACE = 0.7;
const OTHER_CONTAINER = -1;
/** Pids may be those of a namespace of the sender's, so that they match nobody says little. */
const OTHER_PIDS = -0.2;
/** The first process of a machine or container is everybody's ancestor. */
const FIRST_PID = 1;
/** Of 64: as engines print it. */
const SHORT_CONTAINER_ID = 12;
/** What somebody calls a run may be as short as `7`, and then is in many an owner's name. */
const MIN_NAME = 3;
/** A process that starts as its context ends; clocks of one machine. */
const TOLERANCE_MS = 2000;

/** Who belongs to an incident; made once, asked for each context. */
export class Kin {
  readonly #relatives = new Map<number, Relative[]>();
  readonly #ownerKey: string | undefined;
  readonly #ownerWords: ReadonlySet<string>;

  /** @param own the processes that the incident is about */
  constructor(ownerKey: string | undefined, own: readonly KnownProcess[]) {
    this.#ownerKey = ownerKey;
    // `job:slurm/4711` holds 4711, `pod:team-a/train-0` holds team-a and train-0.
    this.#ownerWords = new Set((ownerKey ?? "").split(/[:/@]/).slice(1));
    for (const { pid, startTimeMs, lineage = [] } of own) {
      this.#add(pid, { steps: 0, startTimeMs, of: pid });
      lineage.forEach((above, index) =>
        this.#add(above.pid, { steps: index + 1, startTimeMs: above.startTimeMs, of: pid }),
      );
    }
  }

  of(context: RunContext, atMs: number): Kinship {
    const found = [this.#byPid(context, atMs), this.#byContainer(context), this.#byName(context)];
    const told = found.flatMap((each) => each ?? []);
    const best = told.reduce<Kinship | undefined>(
      (before, each) => (before === undefined || each.score > before.score ? each : before),
      undefined,
    );
    // A container that is another one speaks against whatever name it shares.
    const against = told.find(({ score }) => score === OTHER_CONTAINER);
    const isByPid = best !== undefined && best.score > SAME_PLACE;
    if (against && !isByPid) return against;
    return best ?? { score: 0, reason: this.#unconnected(context) };
  }

  #add(pid: number, relative: Relative): void {
    if (pid <= FIRST_PID) return;
    const known = this.#relatives.get(pid);
    if (known) known.push(relative);
    else this.#relatives.set(pid, [relative]);
  }

  #byPid({ pids = [], toMs }: RunContext, atMs: number): Kinship | undefined {
    if (pids.length === 0 || this.#relatives.size === 0) return undefined;
    // A pid that was given away again is another process's.
    const lastMs = (toMs ?? atMs) + TOLERANCE_MS;
    let nearest: { pid: number; relative: Relative } | undefined;
    for (const pid of pids)
      for (const relative of this.#relatives.get(pid) ?? []) {
        if ((relative.startTimeMs ?? lastMs) > lastMs) continue;
        if (nearest === undefined || isNearer(relative, nearest.relative))
          nearest = { pid, relative };
      }
    if (!nearest) {
      const listed = pids.slice(0, 3).join(", ");
      const reason = `It names process ${listed}, which is none that the incident's descend from.`;
      return { score: OTHER_PIDS, reason };
    }
    const { pid, relative } = nearest;
    const score = Math.max(MIN_ANCESTRY, 1 - ONE_STEP * relative.steps);
    if (relative.steps === 0)
      return { score, reason: `It names process ${pid}, which is one of the incident's.` };
    const steps = relative.steps === 1 ? "one step" : `${relative.steps} steps`;
    return { score, reason: `It names process ${pid}, ${steps} above process ${relative.of}.` };
  }

  #byContainer({ container }: RunContext): Kinship | undefined {
    if (container === undefined || !this.#ownerKey?.startsWith("container:")) return undefined;
    const own = this.#ownerKey.slice("container:".length);
    const shown = nameText(container);
    if (isSameContainer(container, own))
      return { score: SAME_PLACE, reason: `It says that it ran in container ${shown}, the owner.` };
    // A name instead of an id cannot be told from another container's.
    if (!isContainerId(container) || !isContainerId(own)) return undefined;
    const reason = `It says that it ran in container ${shown}, which is another than the owner.`;
    return { score: OTHER_CONTAINER, reason };
  }

  #byName({ run, session, episode, container }: RunContext): Kinship | undefined {
    for (const [what, name] of Object.entries({ run, session, episode, container })) {
      if (name === undefined || name.length < MIN_NAME || !this.#ownerWords.has(name)) continue;
      return { score: SAME_PLACE, reason: `Its ${what} ${nameText(name)} is in the owner's name.` };
    }
    return undefined;
  }

  #unconnected({ pids = [], container }: RunContext): string {
    const isTold = pids.length > 0 || container !== undefined;
    return isTold
      ? "What it says of its place can be compared with nothing known of the owner: only time connects it."
      : "It names no process and no container: only time connects it.";
  }
}

function isNearer(a: Relative, b: Relative): boolean {
  return a.steps < b.steps || (a.steps === b.steps && a.of < b.of);
}

function isContainerId(text: string): boolean {
  return /^[0-9a-f]{12,64}$/.test(text);
}

function isSameContainer(a: string, b: string): boolean {
  if (a === b) return true;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= SHORT_CONTAINER_ID && isContainerId(short) && long.startsWith(short);
}
