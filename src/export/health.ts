/** A source as operators see it: the structural twin of the harness's own record. */
export interface SourceHealth {
  name: string;
  state: "ready" | "absent" | "failing" | "closed";
  detail: string;
  lastDurationMs?: number | undefined;
  lastSuccessAtMs?: number | undefined;
  successes: number;
  failures: number;
  drops: number;
}

/** Everything the daemon knows of its own condition. */
export interface HealthSnapshot {
  node: string;
  version: string;
  /** True while a simulated recording is shown. */
  simulated: boolean;
  source: string;
  startedAtMs: number;
  sources: readonly SourceHealth[];
  writer: {
    state: "ok" | "failing";
    queuedBatches: number;
    queuedSlices: number;
    droppedSlices: number;
    lastError?: string | undefined;
  };
  pipelineDrops: number;
  outbox: { due: number; delivered: number; dead: number };
}

/** What is wrong, in words; empty when all is well. A source that is absent is normal. */
export function healthProblems(health: HealthSnapshot): string[] {
  const problems = health.sources
    .filter((source) => source.state === "failing")
    .map((source) => `source ${source.name} fails: ${source.detail}`);
  const { writer, outbox } = health;
  if (writer.state === "failing")
    problems.push(
      `the ledger cannot be written (${writer.lastError ?? "unknown"}); ${writer.queuedSlices} slices wait in memory`,
    );
  if (writer.droppedSlices > 0)
    problems.push(`${writer.droppedSlices} slices were lost since the start; gap records say when`);
  if (outbox.dead > 0) problems.push(`${outbox.dead} alert messages could not be delivered`);
  return problems;
}
