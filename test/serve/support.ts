import { openLedger } from "../../src/ledger/client.ts";
import type { Ledger } from "../../src/ledger/contract.ts";
import type { HealthSnapshot } from "../../src/export/health.ts";
import { Metrics } from "../../src/export/prometheus.ts";
import { startServer, type RunningServer, type ServerParts } from "../../src/serve/server.ts";
import { gpu, slice } from "../ledger/fixtures/make.ts";
import { builtUrl } from "../support/built.ts";

export const NOW_MS = 10_000_000;
export const HEALTHY: HealthSnapshot = {
  node: "node-1",
  version: "1.2.3",
  simulated: true,
  source: "a test",
  startedAtMs: 0,
  sources: [{ name: "nvml", state: "ready", detail: "1 GPU", successes: 5, failures: 0, drops: 0 }],
  writer: { state: "ok", queuedBatches: 0, queuedSlices: 0, droppedSlices: 0 },
  pipelineDrops: 0,
  outbox: { due: 0, delivered: 0, dead: 0 },
};

/** A real ledger of `windows` windows, each of which alice and bob share. */
export async function smallLedger(stateDir: string, windows: number): Promise<Ledger> {
  const ledger = await openLedger({
    stateDir,
    mode: "write",
    workerUrl: builtUrl("ledger/worker.js"),
  });
  const slices = Array.from({ length: windows }, (_, i) =>
    ["alice", "bob"].map((id) => {
      const owner = { kind: "user" as const, id };
      return { ...slice({ fromMs: i * 10_000, owner }), timeMs: 5000 };
    }),
  ).flat();
  await ledger.append({ gpus: [gpu()], slices });
  return ledger;
}

export interface Served {
  server: RunningServer;
  url: string;
  errors: unknown[];
}

/** The real server on a free port. */
export async function served(
  ledger: Ledger,
  over: Partial<ServerParts> = {},
  host: string = "127.0.0.1",
): Promise<Served> {
  const errors: unknown[] = [];
  const parts: ServerParts = {
    ledger,
    metrics: new Metrics(),
    health: async () => HEALTHY,
    report: async ({ format }) => `a report as ${format}\n`,
    gpus: async () => ledger.gpus(),
    live: () => undefined,
    nowMs: () => NOW_MS,
    onError: (error) => errors.push(error),
    ...over,
  };
  const server = await startServer(parts, host, 0);
  return { server, url: `http://${server.address}`, errors };
}
