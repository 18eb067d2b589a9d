import type { Names } from "../attribute/names.ts";
import type { OwnerSettings } from "../attribute/rule-schema.ts";
import type { EvidenceModel } from "../classify/evidence-model.ts";
import type { Indicators } from "../classify/host/indicator-data.ts";
import type { EgressRules } from "../classify/network/egress.ts";
import type { KernelNameData } from "../classify/kernel-name-data.ts";
import type { Purposes } from "../classify/purpose-data.ts";
import type { GpuInfo } from "../model/sample.ts";
import type { Feature } from "../model/signature.ts";
import type { DeviceScale } from "../signature/scale.ts";

export interface PipelineSettings {
  windowMs?: number | undefined;
  model: EvidenceModel;
  indicators: Indicators;
  purposes: Purposes;
  /** Where owners' jobs may connect to; without it every destination is as good as any. */
  egress?: EgressRules | undefined;
  /** Without it names of kernels say nothing. */
  kernelNames?: KernelNameData | undefined;
  scaleOf: (gpu: GpuInfo) => DeviceScale;
  /** Pids of the daemon and of its device process: their GPU use is the agent's own. */
  agentPids: () => ReadonlySet<number>;
  /** Those of them that hold a device for probes: their use is what the probes were timed at. */
  probePids?: (() => ReadonlySet<number>) | undefined;
  /** The operator's own rules on owners, and their teams: none by default. */
  owners?: OwnerSettings | undefined;
  /** Pseudonyms of users: rules go by their names, and nothing that is told has them. None by default. */
  names?: Names | undefined;
  /** Taken out before anything is labelled: to see what they add. */
  leaveOut?: readonly Feature[] | undefined;
  agentVersion: string;
  /** Up to where a device's time is already in the ledger: no window begins before it. */
  resumeAtMs?: ((gpuUuid: string) => number | undefined) | undefined;
}
