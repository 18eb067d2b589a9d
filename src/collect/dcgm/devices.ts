import {
  type DeviceHealth,
  GPU_QUANTITIES,
  type GpuInfo,
  type GpuQuantity,
  type GpuReadings,
} from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import type { MetricSample } from "./exposition.ts";
import { firstMeasured, OTHER_FIELDS, QUANTITY_FIELDS } from "./fields.ts";
import { definedOnly } from "../defined-only.ts";
import { MIB } from "../units.ts";

/** One device as one scrape tells of it. */
export interface DcgmDevice {
  info: GpuInfo;
  readings: GpuReadings;
  health: Omit<DeviceHealth, "kind" | "atMs" | "gpu" | "xids">;
  lastXid: number | undefined;
}

interface Group {
  index: number;
  uuid: string;
  /** Number of the GPU instance, for a MIG device. */
  instance: number | undefined;
  labels: Map<string, string>;
  metrics: Map<string, number>;
}

const INTEGER = /^\d{1,4}$/;
/** MIG devices are numbered after their GPU: those of GPU 1 from 200 on. */
const MIG_STRIDE = 100;
const MAX_INSTANCES = 100;
const MAX_DEVICES = 1024;

/**
 * What a MIG device's rows repeat of its whole GPU: as the device's own it would count once for each.
 */
const OF_WHOLE_GPU: ReadonlySet<GpuQuantity> = new Set([
  "powerWatts",
  "energyJoules",
  "pcieTxBytesPerSec",
  "pcieRxBytesPerSec",
  "nvlinkTxBytesPerSec",
  "nvlinkRxBytesPerSec",
]);

/** From this utilisation on, profiling counters that all read 0 have stopped counting. */
const BUSY_UTIL = 0.9;

/**
 * The devices that a scrape tells of, by index. Metric and label names count in any case. A GPU with
 * rows of MIG devices is not one itself, or its time would count twice.
 */
export function devicesOf(samples: readonly MetricSample[]): DcgmDevice[] {
  const groups = groupsOf(samples);
  const split = new Set(groups.flatMap((g) => (g.instance === undefined ? [] : [g.uuid])));
  const devices = groups
    .filter(({ uuid, instance }) => instance !== undefined || !split.has(uuid))
    .map((group) => deviceOf(group));
  // No two may share an index: an exporter that mixes nodes tells of the first one it names.
  const byIndex = new Map<number, DcgmDevice>();
  for (const device of devices) {
    if (!byIndex.has(device.info.index)) byIndex.set(device.info.index, device);
  }
  return [...byIndex.values()].sort((a, b) => a.info.index - b.info.index);
}

function groupsOf(samples: readonly MetricSample[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { name, labels: given, value } of samples) {
    const labels = new Map([...given].map(([label, text]) => [label.toLowerCase(), text]));
    const key = keyOf(labels);
    if (!key || !/^dcgm_/i.test(name)) continue;
    const id = `${key.uuid} ${key.instance ?? ""}`;
    const group = groups.get(id) ?? { ...key, labels: new Map(), metrics: new Map() };
    if (groups.size >= MAX_DEVICES && !groups.has(id)) continue;
    groups.set(id, group);
    const metric = name.toUpperCase();
    // Rows of several pods on one device repeat its figures.
    if (!group.metrics.has(metric)) group.metrics.set(metric, value);
    for (const [label, text] of labels) if (text !== "") group.labels.set(label, text);
  }
  return [...groups.values()];
}

/** Which device a row speaks of; undefined for rows of links, switches, processors and virtual GPUs. */
function keyOf(
  labels: ReadonlyMap<string, string>,
): Pick<Group, "index" | "uuid" | "instance"> | undefined {
  const uuid = labels.get("uuid");
  const gpu = labels.get("gpu") ?? "";
  const isPart = labels.get("vgpu") || labels.get("nvlink");
  if (!uuid || !INTEGER.test(gpu) || isPart) return undefined;
  const given = labels.get("gpu_i_id") || undefined;
  const instance = given === undefined ? undefined : Number(given);
  if (given !== undefined && (!INTEGER.test(given) || Number(given) >= MAX_INSTANCES))
    return undefined;
  return { index: Number(gpu), uuid: sanitize(uuid), instance };
}

function deviceOf(group: Group): DcgmDevice {
  const { metrics } = group;
  const other = (field: keyof typeof OTHER_FIELDS): number | undefined =>
    firstMeasured(OTHER_FIELDS[field], metrics)?.value;
  const { readings, measuredWith } = readingsOf(group);
  const broken = other("remappedBroken");
  const worn = other("remappedWorn");
  return {
    info: infoOf(group, measuredWith),
    readings,
    health: definedOnly({
      eccCorrected: other("eccCorrected"),
      eccUncorrected: other("eccUncorrected"),
      pcieReplays: other("pcieReplays"),
      remappedRows: broken === undefined || worn === undefined ? undefined : broken + worn,
    }),
    lastXid: other("lastXid"),
  };
}

function readingsOf({ metrics, instance }: Group) {
  const readings: GpuReadings = {};
  const measuredWith: Record<string, string> = {};
  const profiled: GpuQuantity[] = [];
  for (const quantity of GPU_QUANTITIES) {
    if (instance !== undefined && OF_WHOLE_GPU.has(quantity)) continue;
    const found = firstMeasured(QUANTITY_FIELDS[quantity] ?? [], metrics);
    if (!found) continue;
    readings[quantity] = found.value;
    measuredWith[quantity] = `dcgm ${found.name}`;
    if (found.name.startsWith("DCGM_FI_PROF_")) profiled.push(quantity);
  }
  if (haveStopped(readings, profiled)) {
    for (const quantity of profiled) if (readings[quantity] === 0) delete readings[quantity];
  }
  return { readings, measuredWith };
}

/**
 * After an Xid 31 the profiling counters have been seen to read 0 while the device was at 100 %. All
 * pipes at 0 on a busy device are no finding.
 */
function haveStopped(readings: GpuReadings, profiled: readonly GpuQuantity[]): boolean {
  if (profiled.includes("gpuUtil") || (readings.gpuUtil ?? 0) < BUSY_UTIL) return false;
  const pipes = profiled.filter((quantity) => !quantity.endsWith("PerSec"));
  return pipes.length > 0 && pipes.every((quantity) => readings[quantity] === 0);
}

function infoOf(group: Group, measuredWith: Record<string, string>): GpuInfo {
  const { index, uuid, instance, labels, metrics } = group;
  const text = (...names: string[]): string | undefined => {
    const found = names.map((name) => labels.get(name)).find(Boolean);
    return found === undefined ? undefined : sanitize(found);
  };
  const model =
    text("modelname", "dcgm_fi_dev_name", "gpu_type", "model_name") ?? "unknown NVIDIA device";
  const common = {
    pciBusId: text("pci_bus_id"),
    driverVersion: text("dcgm_fi_driver_version", "dcgm_fi_system_driver_version"),
    memoryTotalBytes: memoryTotal(metrics),
  };
  if (instance === undefined) {
    const powerLimitWatts = firstMeasured(OTHER_FIELDS.powerLimitWatts, metrics)?.value;
    return definedOnly({ index, uuid, model, ...common, powerLimitWatts, measuredWith });
  }
  const profile = text("gpu_i_profile");
  return definedOnly({
    index: MIG_STRIDE * (index + 1) + instance,
    // The exporter does not tell the UUID of a MIG device.
    uuid: `${uuid}/gi${instance}`,
    model: profile === undefined ? `${model} MIG` : `${model} MIG ${profile}`,
    ...common,
    parentUuid: uuid,
    migProfile: profile,
    measuredWith,
  });
}

function memoryTotal(metrics: ReadonlyMap<string, number>): number | undefined {
  const told = firstMeasured(OTHER_FIELDS.memoryTotalBytes, metrics)?.value;
  if (told !== undefined) return told;
  const mebibytes = ["USED", "FREE", "RESERVED"].map((part) =>
    firstMeasured([{ name: `DCGM_FI_DEV_FB_${part}`, convert: (value) => value }], metrics),
  );
  if (mebibytes.some((part) => part === undefined)) return undefined;
  return mebibytes.reduce((sum, part) => sum + (part?.value ?? 0), 0) * MIB;
}
