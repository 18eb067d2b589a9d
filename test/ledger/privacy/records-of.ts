import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Act, ErasureSelect } from "../../../src/ledger/acts.ts";
import type { KnownOwner, KnownProcess, LedgerBatch } from "../../../src/ledger/contract.ts";
import { type Owner, ownerKey } from "../../../src/model/owner.ts";
import { gpu, incident, slice } from "../fixtures/make.ts";

/** An erasure as it is handed to the ledger. */
export function erasure(select: ErasureSelect, over: { id?: string; reason?: string } = {}): Act {
  const reason = over.reason ?? "asked for";
  return {
    kind: "erasure",
    id: over.id ?? "e-1",
    atMs: 9e6,
    by: "root",
    reason,
    select,
    erased: [],
  };
}

export function ofOwner(key: string, beforeMs?: number): ErasureSelect {
  return { of: "owner", ownerKey: key, beforeMs };
}

export function knownOwner(owner: Owner, over: Partial<KnownOwner> = {}): KnownOwner {
  return {
    node: "node-1",
    key: ownerKey(owner),
    atMs: 0,
    owner,
    rule: "user",
    reason: `it runs as ${owner.id}`,
    proven: { user: owner.id },
    declared: { worker: `worker-of-${owner.id}` },
    conflicts: [],
    ...over,
  };
}

export function knownProcess(user: string, over: Partial<KnownProcess> = {}): KnownProcess {
  return {
    node: "node-1",
    pid: 100,
    startTimeMs: 5,
    gpuUuids: ["GPU-a"],
    ownerKey: `user:${user}`,
    ppid: 1,
    comm: "python3",
    exe: `/home/${user}/venv/bin/python3`,
    command: `python3 /home/${user}/train.py --name ${user}-run`,
    user,
    lineage: [{ pid: 1, user: "root", exe: "/sbin/init", title: "/sbin/init" }],
    firstSeenMs: 0,
    ...over,
  };
}

/** Everything that a ledger can hold of a user, in every place where his name may stand. */
export function batchOf(user: string, gpuUuid: string = "GPU-a", atMs: number = 0): LedgerBatch {
  const owner: Owner = { kind: "user", id: user };
  const job: Owner = { kind: "job", id: `slurm:${user}/4711` };
  const idle: Owner = { kind: "idle", id: ownerKey(owner) };
  const text = `pid 100 of ${user} runs /home/${user}/train.py`;
  const evidence = [
    { family: "host", feature: "miner", value: `/home/${user}/x`, text, weights: {} },
  ] as const;
  const parts = [owner, job, idle].map((each, i) =>
    slice({ gpuUuid, owner: each, evidence, timeMs: [5000, 3000, 2000][i] ?? 0, fromMs: atMs }),
  );
  const report = JSON.stringify(
    {
      lines: [{ owner: ownerKey(owner), label: "training-like", ms: 7 }],
      byOwner: { [`user:${user}`]: 1 },
    },
    undefined,
    2,
  );
  return {
    gpus: [gpu(gpuUuid)],
    slices: parts,
    owners: [knownOwner(owner, { atMs }), knownOwner(job, { atMs })],
    processes: [knownProcess(user, { firstSeenMs: atMs })],
    contexts: [
      {
        kind: "context",
        atMs,
        fromMs: atMs,
        toMs: atMs + 9,
        id: `run-${user}`,
        agent: user,
        tool: "bash",
        arguments: `su ${user} -c x`,
      },
    ],
    incidents: [
      incident({
        id: `i-${gpuUuid}-${atMs}`,
        ownerKey: `user:${user}`,
        updatedAtMs: atMs + 1,
        title: `Mining by user:${user}`,
        summary: `${user}'s time`,
        evidence,
        causes: [
          {
            context: { fromMs: atMs, run: `r-${user}`, arguments: user },
            score: 1,
            reasons: [`${user} began`],
          },
        ],
      }),
    ],
    acts: [
      {
        kind: "dispute",
        id: `d-${gpuUuid}-${atMs}`,
        atMs,
        by: user,
        reason: `I, ${user}, did not do it`,
        ownerKey: `user:${user}`,
        fromMs: 0,
        toMs: 10,
        state: "open",
      },
      {
        kind: "report",
        id: `r-${gpuUuid}-${atMs}`,
        atMs,
        by: "root",
        reason: "",
        fromMs: 0,
        toMs: 10,
        document: report,
        documentDigest: "0".repeat(64),
        request: { owner: `user:${user}` },
        chainSequence: 0,
      },
    ],
    outbox: [
      {
        id: `m-${gpuUuid}-${atMs}`,
        endpoint: "on-call",
        type: "t",
        body: `{"owner":"user:${user}"}`,
        createdAtMs: atMs,
      },
    ],
  };
}

/** Files of a state directory that hold these bytes, and how often. */
export function tracesOf(stateDir: string, name: string): Record<string, number> {
  const found: Record<string, number> = {};
  const wanted = Buffer.from(name);
  for (const file of readdirSync(stateDir, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = readFileSync(join(file.parentPath, file.name));
    let count = 0;
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) count += 1;
    if (count > 0) found[file.name] = count;
  }
  return found;
}
