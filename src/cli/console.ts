import type { ReceivedAlert } from "../alert/demo-receiver.ts";
import type { AgentWatcher } from "../agent.ts";
import type { DuplicateDevice } from "../collect/directory.ts";
import type { HarnessEvent } from "../collect/harness-types.ts";
import type { RateStatus } from "../collect/rate.ts";
import type { Notice } from "../collect/thread/protocol.ts";
import type { OpenedSource } from "../daemon/source.ts";
import type { Incident } from "../model/incident.ts";
import { sanitize } from "../model/text.ts";
import { sliceText } from "./format.ts";
import type { CommandIo } from "./io.ts";
import type { createLog } from "./log.ts";

/** What `assay run` says to the person who started it. */
export class Console {
  private readonly io: CommandIo;
  private readonly names = new Map<string, string>();

  constructor(io: CommandIo) {
    this.io = io;
  }

  /** @param isTemporary the state directory is removed at the end */
  ready(
    source: OpenedSource,
    url: string | undefined,
    stateDir: string,
    isTemporary: boolean,
  ): void {
    this.io.stderr(`watching ${source.description}\n`);
    if (url) this.io.stderr(`serving ${url} (healthz, metrics, api/v1/…)\n`);
    this.io.stderr(
      `ledger in ${stateDir}${isTemporary ? ", removed at the end unless named" : ""}\n`,
    );
  }

  /** A recording is run into a ledger that has slices already: what lies before them is not repeated. */
  resumes(endMs: number): void {
    const end = new Date(endMs).toISOString();
    this.io.stderr(`the ledger reaches to ${end}: up to there nothing is written again\n`);
  }

  /** Alerts that are still to be sent when the program ends. */
  undelivered(count: number, isTemporary: boolean): void {
    const fate = isTemporary
      ? "they go with the temporary ledger: name a --state-dir to keep them"
      : "the next run with this state directory goes on trying";
    this.io.stderr(`${count} alert messages are not delivered yet; ${fate}\n`);
  }

  watcher(): AgentWatcher {
    return {
      observation: (observation) => {
        if (observation.kind !== "node") return;
        for (const { uuid, index } of observation.gpus) this.names.set(uuid, `gpu${index}`);
        if (observation.simulated)
          this.io.stderr("SIMULATED: these figures come from no real device\n");
      },
      slices: (slices) => {
        for (const slice of slices)
          this.io.stdout(`${sliceText(slice, this.names.get(slice.gpuUuid) ?? "gpu?")}\n`);
      },
      gap: ({ source, reason, fromMs, toMs, gpuUuid }) => {
        const whose = gpuUuid === undefined ? "" : `${this.names.get(gpuUuid) ?? "gpu?"} `;
        const seconds = ((toMs - fromMs) / 1000).toFixed(1);
        this.io.stdout(
          `${time(fromMs)} ${whose}gap of ${seconds} s (${source}): ${sanitize(reason)}\n`,
        );
      },
      incident: (incident) => this.incident(incident),
    };
  }

  alertReceived(alert: ReceivedAlert): void {
    this.io.stdout(`>> received by webhook: ${alert.type}, ${alert.severity}: ${alert.title}\n`);
  }

  collectorEvent(log: ReturnType<typeof createLog>): (event: HarnessEvent) => void {
    return (event) => {
      const fields = { source: event.name, detail: event.detail };
      if (event.kind === "failing") log.warn(fields, "a source fails and is tried again");
      else if (event.kind === "absent" && event.isMissed) log.warn(fields, "a source is gone");
      else if (event.kind === "absent") log.debug(fields, "a source is not here");
      else log.info(fields, `a source is ${event.kind}`);
    };
  }

  rateEvent(log: ReturnType<typeof createLog>): (status: RateStatus) => void {
    let wasFast = false;
    return ({ mode, intervalMs, reason, budgetLeftMs, fastMs }) => {
      const isBack = wasFast && mode !== "fast";
      wasFast = mode === "fast";
      const fields = { intervalMs, reason, budgetLeftMs: Math.round(budgetLeftMs), fastMs };
      if (mode === "fast") log.info(fields, "sampling faster");
      else if (isBack) log.info(fields, "sampling at the normal rate again");
      else if (mode === "exhausted")
        log.info(fields, "sampling stays at the normal rate: the budget for more is used up");
    };
  }

  duplicateEvent(log: ReturnType<typeof createLog>): (duplicate: DuplicateDevice) => void {
    return ({ uuid, measuredBy, droppedFrom }) => {
      const fields = { gpu: sanitize(uuid, 64), measuredBy, droppedFrom };
      log.info(fields, "two sources see one device: only the first one's readings count");
    };
  }

  noticeEvent(log: ReturnType<typeof createLog>): (source: string, notice: Notice) => void {
    return (source, { text, hint }) => log.warn({ source, hint }, text);
  }

  private incident(incident: Incident): void {
    const { updatedAtMs, state, severity, title } = incident;
    this.io.stdout(`${time(updatedAtMs)} ALERT ${state}, ${severity}: ${title}\n`);
  }
}

function time(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 19);
}
