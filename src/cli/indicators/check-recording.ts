import { Ownership } from "../../attribute/ownership.ts";
import type { Indicators } from "../../classify/host/indicator-data.ts";
import { hostEvidence } from "../../classify/host-evidence.ts";
import { networkEvidence } from "../../classify/network-evidence.ts";
import { replaySource } from "../../collect/recording/replay.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { Observation } from "../../model/observation.ts";
import { ownerKey } from "../../model/owner.ts";
import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { ConnectionHistory } from "../../pipeline/connection-history.ts";
import { warningText } from "../format.ts";
import type { CommandIo } from "../io.ts";
import { evidenceLine } from "./check-text.ts";

/** Processes kept in mind of a recording. */
const MAX_PROCESSES = 65_536;

/**
 * What the processes and connections of a recording match, owner by owner.
 * @throws AssayError `recording/*`
 */
export async function checkRecording(
  file: string,
  indicators: Indicators,
  io: CommandIo,
): Promise<string> {
  const seen = new Seen(indicators);
  const sleep = async (): Promise<void> => {};
  const { signal } = io;
  const replay = replaySource({ file, speed: Infinity, clock: () => 0, sleep, signal });
  for await (const observation of replay) seen.add(observation);
  for (const warning of replay.warnings) io.stderr(`${warningText(file, warning)}\n`);
  return seen.text();
}

class Seen {
  readonly #indicators: Indicators;
  readonly #ownership = new Ownership();
  readonly #connections = new ConnectionHistory();
  /** By pid and start. */
  readonly #processes = new Map<string, ProcessSighting>();
  /** What connections said, by owner and by what makes it another finding. */
  readonly #network = new Map<string, Map<string, Evidence>>();
  #scans = 0;

  constructor(indicators: Indicators) {
    this.#indicators = indicators;
  }

  add(observation: Observation): void {
    this.#ownership.observe(observation);
    if (observation.kind === "processes") this.#note(observation.list, true);
    if (observation.kind === "host") this.#note(observation.list, false);
    if (observation.kind !== "sockets") return;
    this.#scans += 1;
    this.#connections.add(observation);
    const talking = new Set(observation.list.map(({ pid }) => pid));
    for (const [key, processes] of this.#byOwner())
      if (processes.some(({ pid }) => talking.has(pid)))
        this.#hear(key, processes, observation.atMs);
  }

  text(): string {
    const owners = this.#byOwner();
    const lines = [...owners].flatMap(([key, processes]) => {
      const found = [
        ...hostEvidence(processes, this.#indicators),
        ...(this.#network.get(key)?.values() ?? []),
      ];
      return found.length > 0 ? [sanitize(key, 120), ...found.map(evidenceLine)] : [];
    });
    const seen = `processes: ${this.#processes.size}, owners: ${owners.size}, scans of connections: ${this.#scans}`;
    return `${[
      `indicators ${this.#indicators.version}`,
      ...(lines.length > 0 ? lines : ["nothing of it is listed"]),
      seen,
    ].join("\n")}\n`;
  }

  #note(list: readonly ProcessSighting[], isOnDevice: boolean): void {
    for (const process of list) {
      const identity = `${process.pid} ${process.startTimeMs}`;
      const known = this.#processes.get(identity);
      const holdsDevice = isOnDevice || known?.holdsDevice === true || process.holdsDevice;
      if (known || this.#processes.size < MAX_PROCESSES)
        this.#processes.set(identity, { ...known, ...process, holdsDevice });
    }
  }

  #byOwner(): Map<string, ProcessSighting[]> {
    const owners = new Map<string, ProcessSighting[]>();
    for (const process of this.#processes.values()) {
      const key = ownerKey(this.#ownership.identityOf(process).owner);
      const known = owners.get(key);
      if (known) known.push(process);
      else owners.set(key, [process]);
    }
    return owners;
  }

  #hear(key: string, processes: readonly ProcessSighting[], toMs: number): void {
    const seen = {
      ownerKey: key,
      processes,
      host: hostEvidence(processes, this.#indicators),
      connectionsOf: (pid: number) => this.#connections.of(pid, toMs),
      isNew: () => false,
      toMs,
    };
    const own = this.#network.get(key) ?? new Map<string, Evidence>();
    // The newest word of each feature and process; what was a hint at first may have become more.
    for (const item of networkEvidence(seen, this.#indicators, undefined)) {
      if (item.feature === "poolConnection") own.delete(`poolHint ${item.value}`);
      own.set(`${item.feature} ${item.value}`, item);
    }
    this.#network.set(key, own);
  }
}
