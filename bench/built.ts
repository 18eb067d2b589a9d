/**
 * The modules under test as they ship: `npm run bench` builds `dist` first. The same code run from
 * `src` by tsx is transpiled differently, and its speed would be another's.
 */
import type * as Agent from "../src/agent.ts";
import type * as CliLabelRecording from "../src/cli/label-recording.ts";
import type * as CollectRecordingRead from "../src/collect/recording/read.ts";
import type * as CollectRecordingReplay from "../src/collect/recording/replay.ts";
import type * as CollectSleep from "../src/collect/sleep.ts";
import type * as DaemonAlerting from "../src/daemon/alerting.ts";
import type * as LedgerBufferedWriter from "../src/ledger/buffered-writer.ts";
import type * as LedgerClient from "../src/ledger/client.ts";

export const builtUrl = (path: string): URL => new URL(`../dist/${path}`, import.meta.url);

async function load<T>(path: string): Promise<T> {
  const module: unknown = await import(builtUrl(path).href);
  // Each file is built from the very source whose type the caller names.
  return module as T;
}

export async function loadBuilt() {
  const [agent, alerting, labelling, reading, replay, ledger, writer, clock] = await Promise.all([
    load<typeof Agent>("agent.js"),
    load<typeof DaemonAlerting>("daemon/alerting.js"),
    load<typeof CliLabelRecording>("cli/label-recording.js"),
    load<typeof CollectRecordingRead>("collect/recording/read.js"),
    load<typeof CollectRecordingReplay>("collect/recording/replay.js"),
    load<typeof LedgerClient>("ledger/client.js"),
    load<typeof LedgerBufferedWriter>("ledger/buffered-writer.js"),
    load<typeof CollectSleep>("collect/sleep.js"),
  ]);
  return {
    ...agent,
    ...alerting,
    ...labelling,
    ...reading,
    ...replay,
    ...ledger,
    ...writer,
    ...clock,
  };
}

export type Built = Awaited<ReturnType<typeof loadBuilt>>;
