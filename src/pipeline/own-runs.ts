import type { OwnRun, OwnTime } from "../attribute/own-time.ts";
import type { ProbeObservation } from "../model/observation.ts";
import type { ProcessSample } from "../model/sample.ts";
import { PROBE_CONTEXT_MS } from "../signature/probe-features.ts";
import { setNewest } from "../model/recent.ts";

/** A recording may say anything: no launch of ours takes longer. */
const LONGEST_RUN_MS = 60_000;
/** Far more than any budget allows in the time that is kept; beyond it the oldest are forgotten. */
const MAX_KEPT = 4096;
/** A device has one process at a time, and a successor after a crash. */
const MAX_PIDS = 4;

/** What the agent launched on one device: its time for the ledger, and the newest for the features. */
export class OwnRuns {
  /** Those that a window can still be told by, oldest first. */
  readonly probes: ProbeObservation[] = [];
  private readonly runs: OwnRun[] = [];
  private beforeMs = 0;
  /** When each of our processes was told of last. */
  private readonly pids = new Map<number, number>();

  /** One that is told late is taken out of the window that is still open, rather than lost. */
  add(probe: ProbeObservation, openFromMs: number | undefined): void {
    const tookMs = Math.min(LONGEST_RUN_MS, probe.durationSeconds * 1000);
    const fromMs = Math.max(probe.atMs - tookMs, openFromMs ?? Number.NEGATIVE_INFINITY);
    this.runs.push({ fromMs, toMs: fromMs + tookMs });
    this.probes.push(probe);
    if (this.runs.length > MAX_KEPT) this.dropRun();
    if (this.probes.length > MAX_KEPT) this.probes.shift();
    if (probe.pid === undefined) return;
    setNewest(this.pids, probe.pid, probe.atMs, MAX_PIDS);
  }

  /** A process that is not listed any more has ended: its pid may be somebody else's next. */
  noteList({ list, atMs }: ProcessSample): void {
    for (const [pid, toldMs] of this.pids)
      if (atMs > toldMs && !list.some((process) => process.pid === pid)) this.pids.delete(pid);
  }

  /** @param held processes that hold the device for the agent as far as the agent itself knows */
  time(held: ReadonlySet<number>): OwnTime {
    const { runs, beforeMs } = this;
    return { runs, beforeMs, pids: new Set([...held, ...this.pids.keys()]) };
  }

  forget(windowFromMs: number): void {
    // What a device reported after a launch may lie a second later.
    while ((this.runs[0]?.toMs ?? Infinity) < windowFromMs - 1000) this.dropRun();
    while ((this.probes[0]?.atMs ?? Infinity) < windowFromMs - PROBE_CONTEXT_MS)
      this.probes.shift();
  }

  private dropRun(): void {
    const run = this.runs.shift();
    if (run) this.beforeMs += run.toMs - run.fromMs;
  }
}
