import { createThreadedHostCollector } from "../collect/host/thread.ts";
import { HolderBoard } from "../collect/host/board.ts";
import type { Config } from "../config/schema.ts";
import type { Finding } from "./doctor-findings.ts";
import type { SourcesDeps } from "./doctor-sources.ts";

const NAME = "processes around the GPUs, and connections";
const HINT =
  "run as root, or with CAP_SYS_PTRACE (other users' files) and CAP_SYS_ADMIN (containers' networks)";

/** One scan of the host, as the daemon makes it: what it saw, and what it could not. */
export async function hostFinding(
  config: Config,
  clock: Pick<SourcesDeps, "nowMs" | "monotonicMs">,
): Promise<Finding> {
  const { host, procRoot } = config.collect;
  if (!host.enabled) {
    const detail = "switched off (collect.host.enabled)";
    return { name: NAME, status: "missing", detail, hints: [] };
  }
  const settings = { procRoot, sockets: host.sockets, intervalMs: 0 };
  const collector = createThreadedHostCollector(settings, {
    monotonicMs: clock.monotonicMs,
    board: new HolderBoard(),
  });
  try {
    const opened = await collector.open();
    if (opened.status === "absent")
      return { name: NAME, status: "missing", detail: opened.reason, hints: [] };
    await collector.collect(Math.round(clock.nowMs()));
    return findingOf(collector.detail ?? "");
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { name: NAME, status: "failing", detail, hints: [] };
  } finally {
    await collector.close();
  }
}

/** What one scan says of itself. */
export function findingOf(detail: string): Finding {
  const isShort = /cannot be looked|not all processes/.test(detail);
  return { name: NAME, status: isShort ? "missing" : "ok", detail, hints: isShort ? [HINT] : [] };
}
