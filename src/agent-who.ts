import type { KnownOwner, KnownProcess } from "./ledger/contract.ts";
import { commandText } from "./model/command.ts";
import { ownerKey } from "./model/owner.ts";
import type { PipelineEvent } from "./pipeline/events.ts";

type OwnerEvent = Extract<PipelineEvent, { kind: "owner" }>;
type ProcessEvent = Extract<PipelineEvent, { kind: "process" }>;

/** What the ledger keeps of an owner. */
export function knownOwner({ node, identity, atMs }: OwnerEvent): KnownOwner {
  return { ...identity, node, key: ownerKey(identity.owner), atMs };
}

/** What the ledger keeps of a process: no variables, and of its command line no secrets. */
export function knownProcess(event: ProcessEvent): KnownProcess {
  const { node, ownerKey: key, process, gpuUuids, atMs } = event;
  const { pid, startTimeMs, ppid, comm, exe, user, lineage } = process;
  return {
    node,
    pid,
    startTimeMs,
    gpuUuids,
    ownerKey: key,
    ppid,
    comm,
    exe,
    command: commandText(process.argv),
    user,
    lineage: lineage?.map((each) => ({ ...each, title: each.title && commandText([each.title]) })),
    firstSeenMs: atMs,
  };
}
