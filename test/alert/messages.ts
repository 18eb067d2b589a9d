import { toOutbox } from "../../src/alert/message.ts";
import type { IncidentChange } from "../../src/alert/incidents.ts";
import type { DeliveryLog } from "../../src/alert/delivery.ts";
import type { OutboxMessage } from "../../src/ledger/contract.ts";
import type { Incident } from "../../src/model/incident.ts";
import { HOST, TELEMETRY, TUNNEL } from "./facts.ts";

export function incident(more: Partial<Incident> = {}): Incident {
  return {
    id: "inc_0123456789abcdef0123",
    rule: "mining",
    severity: "critical",
    state: "firing",
    node: "node-1",
    gpuUuid: "GPU-a",
    ownerKey: "user:alice",
    startedAtMs: 1_760_000_000_000,
    updatedAtMs: 1_760_000_120_000,
    firedAtMs: 1_760_000_120_000,
    title: "Mining-like work by user:alice on GPU GPU-a of node-1",
    summary: "Mining-like for 2 min.",
    evidence: [HOST, TELEMETRY, TUNNEL],
    simulated: false,
    ...more,
  };
}

export function change(
  action: IncidentChange["action"] = "opened",
  more: Partial<Incident> = {},
): IncidentChange {
  return { action, incident: incident(more) };
}

/** The messages of an incident's whole life, for one endpoint. */
export function life(id: string, endpoint = "on-call", nowMs = 0): OutboxMessage[] {
  const one = (action: IncidentChange["action"], updatedAtMs: number): OutboxMessage[] =>
    toOutbox(change(action, { id, updatedAtMs }), [{ name: endpoint }], nowMs);
  return [...one("opened", 1000), ...one("updated", 2000), ...one("resolved", 36_000)];
}

export interface LogLine {
  level: string;
  fields: object;
  message: string;
}

export function memoryLog(): DeliveryLog & { lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields, message });
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
}
