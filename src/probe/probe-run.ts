import type { Resource } from "../model/calibration.ts";
import type { ProbeResource } from "../model/observation.ts";
import type { ProbeDevice } from "./device.ts";
import type { Kernel, Random } from "./kernels/kernel.ts";
import { buildOf, type Variant } from "./kernels/variant.ts";
import { type ProbeMeasure, timed } from "./probe-measure.ts";
import type { AdapterDescription } from "./protocol.ts";
import { readShader } from "./shaders.ts";

/** In one submission: the first meets cold caches, and between them others may have their turn. */
export const PROBE_PASSES = 4;

export interface ProbeChoice {
  resource: ProbeResource;
  kernel: Kernel;
}

/** What shows a resource, the best first: by what a kernel measures, else by its kind of work. */
const PREFERENCES: Record<ProbeResource, readonly (Resource | Kernel["family"])[]> = {
  alu: ["f32-flop", "int32-op", "alu", "hash", "matmul"],
  memory: ["memory-byte"],
  gather: ["gather-byte"],
};

/** A kernel for each resource that some kernel of the list can show on this adapter. */
export function chooseProbes(
  kernels: readonly Kernel[],
  adapter: AdapterDescription,
): ProbeChoice[] {
  const able = kernels.filter((kernel) => kernel.lacks(adapter) === undefined);
  return (["alu", "memory", "gather"] as const).flatMap((resource) => {
    const fits = PREFERENCES[resource].flatMap(
      (wanted) =>
        able.find(({ measures, family }) => measures === wanted || family === wanted) ?? [],
    );
    return fits.slice(0, 1).map((kernel) => ({ resource, kernel }));
  });
}

export interface ProbeSessionOptions {
  kernels: readonly Kernel[];
  random: Random;
  /** Shape and workgroup size that were found best on this device; the kernel's own first by default. */
  variantOf?: ((kernel: string) => Variant | undefined) | undefined;
  /** WGSL by file name; by default from the package's `shaders/`. */
  shader?: ((name: string) => Promise<string>) | undefined;
}

interface Ready {
  handle: number;
  workPerPass: number;
  /** The shortest run so far. */
  expectedSeconds?: number | undefined;
}

/** Probes on one device. A kernel is prepared when it is first asked for. */
export class ProbeSession {
  readonly device: ProbeDevice;
  readonly #options: ProbeSessionOptions;
  readonly #choices: readonly ProbeChoice[];
  readonly #ready = new Map<string, Ready>();
  readonly #broken = new Set<string>();

  constructor(device: ProbeDevice, options: ProbeSessionOptions) {
    this.device = device;
    this.#options = options;
    this.#choices = chooseProbes(options.kernels, device.adapter);
  }

  /** The kernels of a round, in order. */
  get kernels(): string[] {
    return this.#choices.map(({ kernel }) => kernel.name).filter((name) => !this.#broken.has(name));
  }

  /** A kernel that this device refuses is not tried again. */
  giveUp(name: string): void {
    this.#broken.add(name);
  }

  /** One submission. @throws AssayError of the device, RangeError for a kernel that is none of ours */
  async launch(name: string): Promise<ProbeMeasure> {
    const choice = this.#choices.find(({ kernel }) => kernel.name === name);
    if (!choice) throw new RangeError(`no probe is called ${name}`);
    const known = this.#ready.get(name);
    const ready = known ?? (await this.#prepare(choice));
    this.#ready.set(name, ready);
    const passes = Array.from({ length: PROBE_PASSES }, () => ({
      handle: ready.handle,
      dispatches: 1,
    }));
    const timing = await this.device.probe(passes, ready.expectedSeconds ?? 0);
    const measured = timed(timing, PROBE_PASSES);
    const tookSeconds = measured.durationSeconds + (measured.gapSeconds ?? 0);
    // The shortest so far: to sleep past the end would pass for a wait for the device.
    ready.expectedSeconds = Math.min(ready.expectedSeconds ?? Infinity, tookSeconds);
    return {
      kernel: name,
      resource: choice.resource,
      work: ready.workPerPass * PROBE_PASSES,
      ...measured,
      isFirst: known === undefined,
    };
  }

  async #prepare({ kernel }: ProbeChoice): Promise<Ready> {
    const { random, variantOf, shader = readShader } = this.#options;
    const { adapter } = this.device;
    const [first] = kernel.variants(adapter);
    const build = buildOf(await shader(kernel.shader), variantOf?.(kernel.name) ?? first);
    // A CPU that plays GPU is a thousand times slower, and only tests ever probe it.
    const scale = adapter.software ? "software" : "probe";
    const workload = kernel.workload({ build, scale, adapter, random });
    const handle = await this.device.prepare(workload.job);
    return { handle, workPerPass: workload.workPerDispatch };
  }
}
