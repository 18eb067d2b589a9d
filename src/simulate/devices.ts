import { DEVICE_MODELS, type DeviceModel, modelOf } from "./device-models.ts";
import type { GpuSpec, Spec } from "./spec-schema.ts";

/** One GPU of the node, in the order of the specification. */
export interface NamedGpu {
  /** Of its entry in `gpus`. */
  entry: number;
  spec: GpuSpec;
  model: DeviceModel;
}

/** A device by its name: the specification's own first. */
export function deviceModel(spec: Spec, name: string): DeviceModel | undefined {
  // A device may be called like something that every object has: "constructor".
  const own = Object.hasOwn(spec.devices, name) ? spec.devices[name] : undefined;
  if (own === undefined) return DEVICE_MODELS.get(name);
  return modelOf({ ...own, memoryBytes: own.memory });
}

/** All GPUs; those of an unknown model are left out. */
export function gpusOf(spec: Spec): NamedGpu[] {
  return spec.gpus.flatMap((gpu, entry) => {
    const model = deviceModel(spec, gpu.model);
    if (!model) return [];
    return Array.from({ length: gpu.count }, () => ({ entry, spec: gpu, model }));
  });
}

export function gpuIndices(spec: Spec, gpus: "all" | readonly number[] | undefined): number[] {
  if (gpus !== undefined && gpus !== "all") return [...gpus];
  const count = spec.gpus.reduce((sum, gpu) => sum + gpu.count, 0);
  return Array.from({ length: count }, (_, index) => index);
}
