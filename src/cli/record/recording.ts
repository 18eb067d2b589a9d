import type { RecordingWriter } from "../../collect/recording/write.ts";
import type { OpenedSource } from "../../daemon/source.ts";
import type { GapObservation, Observation, ReadingOverhead } from "../../model/observation.ts";
import { SelfReport } from "./self-report.ts";

/** How often the collectors' word of themselves is written. */
const REPORT_EVERY_MS = 60_000;
/** Gaps that are kept until there is a node to write them after. */
const MAX_EARLY_GAPS = 100;

/** What a recording came to. */
export interface Recorded {
  /** Readings that succeeded, and the time from the first tick to the last. */
  readings: number;
  elapsedMs: number;
  /** Readings that were skipped or came too late. */
  drops: number;
  /** What a reading took while it was recorded. */
  overhead: ReadingOverhead | undefined;
  /** What the collectors said at last. */
  details: readonly string[];
}

export interface RecordingSettings {
  /** What a reading costs, for the header. */
  overhead: ReadingOverhead | undefined;
  monotonicMs: () => number;
  /** Processor time of this process so far. */
  cpuMs: () => number;
  reportEveryMs?: number | undefined;
}

/**
 * Writes what a live source sees until it ends, beginning with its node, and once a minute and at
 * the end what its collectors say of themselves.
 * @throws AssayError `recording/cannot-write`
 */
export async function writeRecording(
  source: Pick<OpenedSource, "observations" | "health">,
  writer: Pick<RecordingWriter, "write">,
  settings: RecordingSettings,
): Promise<Recorded> {
  const { monotonicMs, cpuMs, reportEveryMs = REPORT_EVERY_MS } = settings;
  const report = new SelfReport();
  const head = new Head(settings.overhead);
  const startMs = monotonicMs();
  const startCpuMs = cpuMs();
  let firstTickMs: number | undefined;
  let lastTick = { wallMs: 0, monotonicMs: startMs };
  let reportedMs = startMs;
  const say = async (): Promise<void> => {
    reportedMs = lastTick.monotonicMs;
    for (const line of report.lines(lastTick.wallMs)) await writer.write(line);
  };
  for await (const observation of source.observations) {
    for (const each of head.pass(observation)) await writer.write(each);
    if (observation.kind !== "tick") continue;
    // Asked now, because at the end of the source they are closed and say only that.
    report.note(source.health());
    lastTick = { wallMs: observation.atMs, monotonicMs: monotonicMs() };
    firstTickMs ??= lastTick.monotonicMs;
    if (head.isWritten && lastTick.monotonicMs - reportedMs >= reportEveryMs) await say();
  }
  if (head.isWritten) await say();
  return {
    readings: report.readings,
    elapsedMs: lastTick.monotonicMs - (firstTickMs ?? lastTick.monotonicMs),
    drops: report.drops,
    overhead: report.overhead(cpuMs() - startCpuMs),
    details: report.lines(0).map(({ name, detail }) => `${name}: ${detail}`),
  };
}

/** Sees to it that a recording begins with its node, and that the header says what readings cost. */
class Head {
  readonly #overhead: ReadingOverhead | undefined;
  /** Of a source that failed before it named a device. */
  readonly #earlyGaps: GapObservation[] = [];
  isWritten = false;

  constructor(overhead: ReadingOverhead | undefined) {
    this.#overhead = overhead;
  }

  /** What may be written now, in this order. */
  pass(observation: Observation): Observation[] {
    if (this.isWritten) return [observation];
    if (observation.kind === "gap") {
      if (this.#earlyGaps.length < MAX_EARLY_GAPS) this.#earlyGaps.push(observation);
      return [];
    }
    if (observation.kind !== "node") return [];
    this.isWritten = true;
    return [{ ...observation, overhead: this.#overhead }, ...this.#earlyGaps];
  }
}
