import { durationMs } from "../config/schema.ts";
import type { Ledger } from "../ledger/contract.ts";
import { Anchors } from "./anchors.ts";
import type { DaemonDeps, DaemonSettings } from "./daemon.ts";
import type { Inbox } from "./inbox.ts";
import { nodeName } from "./node-name.ts";
import { PrivacyKeeper } from "./privacy-keeper.ts";
import { runRetention } from "./retention.ts";
import { ReportSchedule, unlessItHangs } from "./schedule/schedule.ts";

/** A window is labelled for good when the one after it is known. */
export const LINGER_WINDOWS = 4;

/**
 * What the daemon does beside measuring: takes in what other processes left for it, keeps the ledger
 * within what the configuration allows, anchors its head, and makes the reports that are due.
 * @returns ends them all
 */
export function startChores(
  ledger: Ledger,
  settings: DaemonSettings,
  deps: DaemonDeps,
  { inbox, onMessages }: { inbox: Inbox; onMessages: () => void },
): () => Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  const { sleep, log, nowMs } = deps;
  const { config, source } = settings;
  const running = [newAnchors(ledger, settings, deps).run(sleep, signal)];
  let reports: Promise<void> | undefined;
  // The pids, devices and times of a recording are not those of this machine.
  if (source.isLive) {
    const keeper = new PrivacyKeeper({ config: config.privacy, ledger, log, nowMs });
    running.push(inbox.run(sleep, signal), keeper.run(sleep, signal));
    running.push(runRetention(ledger, config, { ...deps, signal }));
    reports = newSchedule(ledger, settings, deps, onMessages).run(sleep, signal);
  }
  return async () => {
    ended.abort("over");
    await Promise.all(running);
    await unlessItHangs(reports, sleep);
  };
}

/** What was made up has no endpoints of this node: its heads are sent nowhere. */
function newAnchors(
  ledger: Ledger,
  { config, endpoints }: DaemonSettings,
  { log, nowMs }: DaemonDeps,
): Anchors {
  const { every, log: isLogged, file, webhook } = config.ledger.anchor;
  const { name } = endpoints.find((each) => each.name === webhook) ?? {};
  const to = { everyMs: durationMs(every), isLogged, file, webhook: name };
  return new Anchors({ node: nodeName(config), ...to, ledger, log, nowMs });
}

function newSchedule(
  ledger: Ledger,
  { config, stateDir, prices }: DaemonSettings,
  { log, nowMs }: DaemonDeps,
  onMessages: () => void,
): ReportSchedule {
  const graceMs = LINGER_WINDOWS * durationMs(config.windowLength);
  const { reports: schedules, billing: names } = config;
  const deps = { ledger, stateDir, log, nowMs, graceMs, onMessages, prices: () => prices };
  return new ReportSchedule({ schedules, names, ...deps });
}
