import { type Config, durationMs } from "../config/schema.ts";
import type { Observation, ObservationSource } from "../model/observation.ts";
import { openerOn, readBindingFacts } from "../probe/device-on.ts";
import { openDevice } from "../probe/device-process.ts";
import { KERNELS } from "../probe/kernels/all.ts";
import {
  createProbeSupervisor,
  type ProbeState,
  type ProbeSupervisor,
} from "../probe/supervisor.ts";
import { ProbeLoop, withProbes } from "./probe-loop.ts";
import { StreamTelemetry } from "./stream-telemetry.ts";

/** The probes of a live node. */
export interface Probing {
  loop: ProbeLoop;
  /** Of the processes that hold devices for it. */
  pids: () => ReadonlySet<number>;
  /** The stream with what the probes see. */
  through: (source: ObservationSource) => AsyncIterable<Observation>;
  /** Ends every device process. */
  close: () => Promise<void>;
}

export interface ProbingDeps {
  /** Unix milliseconds. */
  nowMs: () => number;
  monotonicMs: () => number;
  random: () => number;
  onState?: ((state: ProbeState) => void) | undefined;
  /** Whether process lists are of this process's own pid namespace. */
  isOwnNamespace: boolean;
  isRoot: boolean;
  idleBelowUtil: number;
  /** Another supervisor, and a software adapter as a GPU: for tests. */
  testing?: { devices: ProbeSupervisor } | undefined;
}

/** Undefined where the configuration does not ask for probes: then nothing is opened at all. */
export async function createProbing(
  { probe }: Config,
  deps: ProbingDeps,
): Promise<Probing | undefined> {
  if (probe.mode === "off" || probe.budget === 0) return undefined;
  const telemetry = new StreamTelemetry(deps.isOwnNamespace);
  const devices = deps.testing?.devices ?? (await supervisorOf(telemetry, deps));
  const settings = {
    mode: probe.mode,
    intervalMs: durationMs(probe.interval),
    budget: probe.budget,
    idleBelowUtil: deps.idleBelowUtil,
    allowSoftware: deps.testing !== undefined,
  };
  const loop = new ProbeLoop(settings, { ...deps, devices, kernels: KERNELS });
  return {
    loop,
    pids: () => devices.pids(),
    through: (source) => withProbes(heard(source, telemetry), loop),
    close: async () => {
      loop.stop();
      await devices.close();
    },
  };
}

async function supervisorOf(
  telemetry: StreamTelemetry,
  { isRoot, monotonicMs, random }: ProbingDeps,
): Promise<ProbeSupervisor> {
  const facts = await readBindingFacts(isRoot);
  const open = openerOn({
    telemetry,
    facts,
    // Short looks at somebody else's device: the checks of each access cost the same every time.
    open: (bound) => openDevice({ allowSoftware: false, ...bound }),
  });
  return createProbeSupervisor({ open, monotonicMs, random });
}

async function* heard(
  source: ObservationSource,
  telemetry: StreamTelemetry,
): AsyncGenerator<Observation> {
  for await (const observation of source) {
    telemetry.observe(observation);
    yield observation;
  }
}
