import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { createDeliverer, type DelivererSettings } from "../../src/alert/delivery.ts";
import { MemoryOutbox } from "../support/memory-outbox.ts";
import { memoryLog } from "./messages.ts";

/** A deliverer on real time for signatures, with jitter off and short time-outs. */
export function deliverer(more: Partial<DelivererSettings> & Pick<DelivererSettings, "endpoints">) {
  const outbox = new MemoryOutbox();
  const log = memoryLog();
  const made = createDeliverer({
    outbox,
    clock: Date.now,
    random: () => 0,
    log,
    timeoutMs: 300,
    graceMs: 50,
    ...more,
  });
  return { outbox, log, deliverer: made };
}

export async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !isTrue(); i += 1) await pause(5);
  expect(isTrue()).toBe(true);
}
