import { AGENT, type Owner } from "../model/owner.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";

const CONTAINER_ID = /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:\/|$)/;
const SHORT_ID_LENGTH = 12;

/**
 * The owner of a process: the agent itself, else its container, else its user, else just the pid.
 * Container ids are shortened to twelve digits, as the engines show them.
 */
export function ownerOf(process: ProcessSighting, agentPids: ReadonlySet<number>): Owner {
  if (agentPids.has(process.pid)) return AGENT;
  const container = process.cgroup && CONTAINER_ID.exec(process.cgroup)?.[1];
  if (container) return { kind: "container", id: container.slice(0, SHORT_ID_LENGTH) };
  if (process.user) return { kind: "user", id: sanitize(process.user) };
  return { kind: "process", id: String(process.pid) };
}
