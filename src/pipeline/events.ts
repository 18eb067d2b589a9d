import type { Verdict } from "../classify/score.ts";
import type { OwnerIdentity } from "../model/owner.ts";
import type { GpuInfo, ProcessSighting } from "../model/sample.ts";
import type { Signature } from "../model/signature.ts";
import type { Slice } from "../model/slice.ts";
import type { Window } from "../model/window.ts";

/** A device's window with its verdict. Provisional until its neighbours have been heard. */
export interface WindowResult extends Verdict {
  node: string;
  simulated: boolean;
  gpu: GpuInfo;
  window: Window;
  signature: Signature;
  slices: readonly Slice[];
}

export type PipelineEvent =
  | { kind: "provisional"; result: WindowResult }
  | { kind: "final"; result: WindowResult }
  /** A device (or the node) was seen for the first time, or its description changed. */
  | { kind: "gpu"; node: string; simulated: boolean; gpu: GpuInfo; atMs: number }
  /** An owner was seen for the first time, or more became known of him. */
  | { kind: "owner"; node: string; identity: OwnerIdentity; atMs: number }
  /** A process was seen for the first time: on devices, or (with none) in the tree of one that is. */
  | {
      kind: "process";
      node: string;
      ownerKey: string;
      process: ProcessSighting;
      gpuUuids: readonly string[];
      atMs: number;
    }
  | {
      kind: "gap";
      node: string;
      gpuUuid?: string | undefined;
      source: string;
      reason: string;
      window: Window;
    };
