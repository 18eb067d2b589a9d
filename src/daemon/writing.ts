import { createDeliverer, type Deliverer } from "../alert/delivery.ts";
import { durationMs } from "../config/schema.ts";
import { BufferedWriter } from "../ledger/buffered-writer.ts";
import type { Ledger, LedgerBatch } from "../ledger/contract.ts";
import type { DaemonDeps, DaemonSettings } from "./daemon.ts";
import { DiskWatch } from "./disk-watch.ts";
import { LedgerAlarm } from "./ledger-alarm.ts";
import { nodeName } from "./node-name.ts";

/** What stands between the agent's batches, the ledger and the receivers of its messages. */
export interface Writing {
  writer: BufferedWriter;
  deliverer: Deliverer;
  alarm: LedgerAlarm;
  disk: DiskWatch;
  /** Never blocks; messages are delivered as soon as they are durable, or cannot become so. */
  write: (batch: LedgerBatch) => void;
}

export function openWriting(
  ledger: Ledger,
  { config, endpoints }: Pick<DaemonSettings, "config" | "endpoints">,
  {
    log,
    nowMs,
    random,
    hash,
    sleep,
  }: Pick<DaemonDeps, "hash" | "log" | "nowMs" | "random" | "sleep">,
): Writing {
  const disk = new DiskWatch(log);
  const writer = new BufferedWriter({
    ledger,
    maxQueuedBatches: config.ledger.maxQueuedBatches,
    sleep,
    onChange: (status) => {
      disk.noteChange(status);
      alarm.noteChange(status);
    },
  });
  const timeoutMs = durationMs(config.alert.timeout);
  const delivery = { endpoints, clock: nowMs, random, log, timeoutMs };
  const deliverer = createDeliverer({ ...delivery, outbox: ledger });
  const write = (batch: LedgerBatch): void => {
    writer.enqueue(batch);
    if (!batch.outbox?.length) return;
    alarm.noteWaiting();
    void writer.drained().then(() => deliverer.poke());
  };
  const waiting = () => writer.waitingMessages();
  const alarm = new LedgerAlarm({ node: nodeName(config), delivery, hash, sleep, waiting, write });
  return { writer, deliverer, alarm, disk, write };
}
