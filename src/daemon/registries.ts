import type { Collector } from "../collect/contract.ts";
import { createRegistryCollectors, type RegistriesDeps } from "../collect/registry/all.ts";
import { type Config, durationMs } from "../config/schema.ts";

/** Schedulers and engines that say whose a container or a GPU is. */
export function registriesOf(config: Config, deps: RegistriesDeps): Collector[] {
  const { registries, procRoot, sysRoot } = config.collect;
  const { interval, ...rest } = registries;
  const settings = { ...rest, intervalMs: durationMs(interval), procRoot, sysRoot };
  return createRegistryCollectors(settings, deps);
}
