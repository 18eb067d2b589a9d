import { isDrmDriver, parseSlot, type DrmDriver } from "./parse.ts";

/**
 * Pure parser of `/proc/PID/fdinfo/N` of an open DRM device, by Documentation/gpu/drm-usage-stats.rst.
 * Keys and numbers come from the driver. The one text that a program can set (`drm-client-name`) may
 * hold no line break, and is not read.
 */

export interface EngineCounter {
  /** Time the client's work ran on the engine, in nanoseconds (amdgpu, i915). */
  busyNs?: number | undefined;
  /** The same in cycles, with the cycles that have passed (xe). */
  busyCycles?: number | undefined;
  totalCycles?: number | undefined;
  /** Like engines that are counted together. */
  capacity: number;
}

/** One client: one opening of a device, through however many descriptors it is held. */
export interface DrmClient {
  driver: DrmDriver;
  slot: string;
  /** Names the client for good: a driver gives every opening its own number. */
  key: string;
  engines: ReadonlyMap<string, EngineCounter>;
  /** In memory of the device itself; absent where it has none, or does not tell. */
  memoryBytes?: number | undefined;
}

/**
 * `foreign`: another driver's device. `unclear`: the kernel does not say whose (before 5.19), so that
 * the holder is known but not what it holds.
 */
export type FdInfo =
  | { kind: "client"; client: DrmClient }
  | { kind: "foreign" }
  | { kind: "unclear" };

const MAX_ENGINES = 32;
/** A 64-bit counter has no more digits. */
const NUMBER = /^(\d{1,20})(?:\s+(\S+))?$/;
const BYTES_PER: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2 };
/** Memory on the card: `vram` (amdgpu), `vram0` (xe), `local0` (i915). The rest is the host's. */
const DEVICE_REGION = /^(?:vram|local)\d*$/;
const MAX_MEMORY_BYTES = 1e15;

export function parseFdInfo(text: string): FdInfo {
  const fields = drmFields(text);
  const driver = fields.get("drm-driver");
  if (driver === undefined) return { kind: "unclear" };
  if (!isDrmDriver(driver)) return { kind: "foreign" };
  const slot = parseSlot(fields.get("drm-pdev") ?? "");
  const id = fields.get("drm-client-id") ?? "";
  if (slot === undefined || !/^\d{1,20}$/.test(id)) return { kind: "unclear" };
  const memoryBytes = deviceMemory(fields);
  const client: DrmClient = { driver, slot, key: `${slot}/${id}`, engines: enginesOf(fields) };
  if (memoryBytes !== undefined) client.memoryBytes = memoryBytes;
  return { kind: "client", client };
}

/** The `drm-` lines. A key that stands twice with two values says nothing: it is left out. */
function drmFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  const broken = new Set<string>();
  for (const line of text.split("\n")) {
    const match = /^(drm-[^\s:]+):\s*(.*?)\s*$/.exec(line);
    const [, key = "", value = ""] = match ?? [];
    if (!match) continue;
    if ((fields.get(key) ?? value) !== value) broken.add(key);
    fields.set(key, value);
  }
  for (const key of broken) fields.delete(key);
  return fields;
}

function enginesOf(fields: ReadonlyMap<string, string>): Map<string, EngineCounter> {
  const engines = new Map<string, EngineCounter>();
  for (const name of engineNames(fields)) {
    const busyNs = numberIn(fields.get(`drm-engine-${name}`), { ns: 1 });
    const busyCycles = numberIn(fields.get(`drm-cycles-${name}`), {});
    const totalCycles = numberIn(fields.get(`drm-total-cycles-${name}`), {});
    const capacity = capacityOf(fields.get(`drm-engine-capacity-${name}`));
    if (capacity === undefined) continue;
    if (busyNs !== undefined) engines.set(name, { busyNs, capacity });
    else if (busyCycles !== undefined && totalCycles !== undefined)
      engines.set(name, { busyCycles, totalCycles, capacity });
  }
  return engines;
}

function engineNames(fields: ReadonlyMap<string, string>): string[] {
  const names = new Set<string>();
  for (const key of fields.keys()) {
    const name = /^drm-(?:engine|cycles)-(?!capacity-)(.+)$/.exec(key)?.[1];
    if (name !== undefined) names.add(name);
  }
  // Sorted, so that which are kept does not hang on the order of lines.
  return [...names].sort().slice(0, MAX_ENGINES);
}

/** One where it is not said; zero is not allowed, so it is garbage. */
function capacityOf(text: string | undefined): number | undefined {
  if (text === undefined) return 1;
  const capacity = numberIn(text, {});
  return capacity !== undefined && capacity >= 1 && capacity <= 1024 ? capacity : undefined;
}

/**
 * What the client holds resident in the device's own memory. `drm-memory-` is the old name of
 * `drm-resident-`; `drm-total-` also counts what is not there at the moment, so it comes last.
 */
function deviceMemory(fields: ReadonlyMap<string, string>): number | undefined {
  const regions = new Map<string, number>();
  for (const kind of ["total", "memory", "resident"]) {
    for (const [key, text] of fields) {
      const region = key.startsWith(`drm-${kind}-`) ? key.slice(`drm-${kind}-`.length) : "";
      const bytes = DEVICE_REGION.test(region) ? numberIn(text, BYTES_PER, 1) : undefined;
      if (bytes !== undefined && bytes <= MAX_MEMORY_BYTES) regions.set(region, bytes);
    }
  }
  if (regions.size === 0) return undefined;
  return [...regions.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** @param perUnit what a unit stands for; a unit that is not in it makes the number unknown */
function numberIn(
  text: string | undefined,
  perUnit: Readonly<Record<string, number>>,
  withoutUnit: number | undefined = "ns" in perUnit ? undefined : 1,
): number | undefined {
  const [, digits, unit] = NUMBER.exec(text ?? "") ?? [];
  if (digits === undefined) return undefined;
  const factor = unit === undefined ? withoutUnit : perUnit[unit];
  return factor === undefined ? undefined : Number(digits) * factor;
}
