import type { KnownGpu } from "../../src/ledger/contract.ts";
import type { Label } from "../../src/model/label.ts";
import { type Owner, parseOwnerKey } from "../../src/model/owner.ts";
import type { Slice } from "../../src/model/slice.ts";

export const H100 = "NVIDIA H100 80GB HBM3";

export function gpu(uuid: string, extra: Partial<KnownGpu> = {}): KnownGpu {
  return {
    node: "node-a",
    index: 0,
    uuid,
    model: H100,
    firstSeenMs: 0,
    simulated: false,
    ...extra,
  };
}

function owner(key: string): Owner {
  const parsed = parseOwnerKey(key);
  if (!parsed) throw new Error(`no owner: ${key}`);
  return parsed;
}

/** A slice over [fromMs, toMs); the whole of it unless `timeMs` is given. */
export function slice(
  gpuUuid: string,
  fromMs: number,
  toMs: number,
  ownerName: string,
  label: Label,
  extra: Partial<Slice> = {},
): Slice {
  return {
    node: "node-a",
    gpuUuid,
    fromMs,
    toMs,
    owner: owner(ownerName),
    timeMs: toMs - fromMs,
    basis: "process-utilization",
    label,
    confidence: 0.9,
    evidence: [],
    modelVersion: "test-model",
    agentVersion: "0.0.0",
    simulated: false,
    ...extra,
  };
}
