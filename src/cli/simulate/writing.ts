import { RecordingWriter } from "../../collect/recording/write.ts";
import { fileSink, type LineSink, streamSink } from "../../collect/recording/sink.ts";
import type { Scenario } from "../../simulate/scenario.ts";
import { simulate, type SimulatedLine } from "../../simulate/simulate.ts";
import { evaluationLineOf } from "../../simulate/truth.ts";

export interface WrittenSimulation {
  lines: number;
  /** Of the simulation. */
  seconds: number;
  /** It reached its end; false where it was asked to stop. */
  ended: boolean;
}

/** How many ticks run before the process may notice that it was asked to stop. */
const TICKS_A_TURN = 200;

/**
 * Writes a simulation as a recording, in memory that does not grow with its length.
 * @throws AssayError `recording/exists`, `recording/cannot-write`
 */
export async function writeSimulation(
  scenario: Scenario,
  { file, force, signal }: { file: string; force: boolean; signal: AbortSignal },
): Promise<WrittenSimulation> {
  const sink =
    file === "-" ? streamSink("standard output", process.stdout) : await fileSink(file, force);
  // A clock that stands: when the disk is flushed must not show in the packed bytes.
  const writer = new RecordingWriter(sink, { clock: () => 0, maxWaitingBytes: Infinity });
  let [ticks, evaluations, ended] = [0, 0, true];
  try {
    for (const tick of simulate(scenario)) {
      if (signal.aborted) {
        ended = false;
        break;
      }
      for (const line of tick) evaluations += await writeLine(line, writer, sink);
      ticks += 1;
      if (ticks % TICKS_A_TURN === 0) await turn();
    }
  } finally {
    await writer.close();
  }
  const seconds = Math.max(0, ticks - 1) * scenario.node.interval;
  const lines = writer.counts.lines + evaluations;
  return { lines, seconds: Math.min(seconds, scenario.node.length), ended };
}

/** @returns how many lines went past the writer, which knows only what was observed */
async function writeLine(
  line: SimulatedLine,
  writer: RecordingWriter,
  sink: LineSink,
): Promise<number> {
  if (line.kind !== "truth" && line.kind !== "phase") {
    await writer.write(line);
    return 0;
  }
  if (!sink.write(`${evaluationLineOf(line)}\n`)) await sink.drained();
  return 1;
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
