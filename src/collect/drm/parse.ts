import type { GpuQuantity } from "../../model/sample.ts";
import { LIMITS, plausible } from "../limits.ts";

/**
 * Pure parsers of the texts in `/sys`. Names, formats and units are the kernel's own: for amdgpu
 * Documentation/gpu/amdgpu/thermal.rst and driver-misc.rst, for i915 and xe
 * Documentation/ABI/testing/sysfs-driver-intel-{i915,xe}-hwmon, for hwmon in general
 * Documentation/hwmon/sysfs-interface.rst.
 */

/** The drivers that are read here. Others, such as a server's management display, are passed over. */
export const DRM_DRIVERS = ["amdgpu", "i915", "xe"] as const;
export type DrmDriver = (typeof DRM_DRIVERS)[number];

export function isDrmDriver(name: string): name is DrmDriver {
  return DRM_DRIVERS.some((driver) => driver === name);
}

export interface CardUevent {
  driver: DrmDriver;
  /** PCI address in lower case, such as `0000:03:00.0`. */
  slot: string;
  /** Vendor and device in lower case, such as `1002:744c`. */
  vendorDevice: string;
}

const SLOT = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
const VENDOR_DEVICE = /^[0-9a-f]{4}:[0-9a-f]{4}$/;

/** A PCI address as this folder writes it; undefined where the text is none. */
export function parseSlot(text: string): string | undefined {
  const slot = text.trim().toLowerCase();
  return SLOT.test(slot) ? slot : undefined;
}

/** `device/uevent` of a card; undefined where another driver has it, or it is no PCI device. */
export function parseUevent(text: string): CardUevent | undefined {
  const driver = /^DRIVER=(\S+)$/m.exec(text)?.[1] ?? "";
  const slot = parseSlot(/^PCI_SLOT_NAME=(\S+)$/m.exec(text)?.[1] ?? "");
  const vendorDevice = (/^PCI_ID=(\S+)$/m.exec(text)?.[1] ?? "").toLowerCase();
  if (!isDrmDriver(driver) || slot === undefined) return undefined;
  if (!VENDOR_DEVICE.test(vendorDevice)) return undefined;
  return { driver, slot, vendorDevice };
}

/** `device/unique_id` of amdgpu: 16 hexadecimal digits. All zeros or all ones name no card. */
export function parseUniqueId(text: string): string | undefined {
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]{1,32}$/.test(id) && !/^(0+|f+)$/.test(id) ? id : undefined;
}

/** What a driver writes where the firmware has no such figure: all bits set, at any width. */
const BLANK: ReadonlySet<number> = new Set([2 ** 16 - 1, 2 ** 32 - 1, 2 ** 63, 2 ** 64]);

/** A number alone in a file, as sysfs has it. */
export function parseCount(text: string): number | undefined {
  const digits = /^\s*(-?\d{1,20})\s*$/.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  return BLANK.has(value) ? undefined : value;
}

/** A number in a file, in units of which `perUnit` make one of ours. Garbage is not measured. */
export function parseScaled(
  quantity: GpuQuantity,
  text: string,
  perUnit: number,
): number | undefined {
  const count = parseCount(text);
  if (count === undefined) return undefined;
  const value = count / perUnit;
  // 0xffff MHz in Hz, or 0xffff W in microwatts: the blank was scaled by the driver.
  return BLANK.has(value) ? undefined : believed(quantity, value);
}

/** The value where it can be true of the quantity. */
export function believed(quantity: GpuQuantity, value: number): number | undefined {
  const limit = LIMITS.get(quantity);
  return limit && plausible(limit, value);
}

/** The level in use of `pp_dpm_sclk` or `pp_dpm_mclk`: the line with a star, such as `1: 2371Mhz *`. */
export function parseDpmClockMHz(quantity: GpuQuantity, text: string): number | undefined {
  const digits = /^\s*\S+:\s*(\d{1,9})\s*mhz\s*\*\s*$/im.exec(text)?.[1];
  return digits === undefined ? undefined : parseScaled(quantity, digits, 1);
}

/** A power limit in microwatts as watts; 0 means that there is none. */
export function parsePowerLimitWatts(text: string): number | undefined {
  const watts = parseScaled("powerWatts", text, 1e6);
  return watts === 0 ? undefined : watts;
}

/** Microwatts of power or microjoules of energy; the same with other files in hertz and millidegrees. */
export const PER_MICRO = 1e6;
export const PER_MILLI = 1000;
export const HERTZ_PER_MHZ = 1e6;
export const PERCENT = 100;

/**
 * The processes of `clients` in debugfs (drivers/gpu/drm/drm_debugfs.c): a line each with a name that
 * may hold blanks, the process, the device's number, two flags, the user and a number.
 */
export function parseDebugClients(text: string): number[] {
  const rows = text.matchAll(/\s(\d{1,10})\s+\d+\s+[yn]\s+[yn]\s+\d+\s+\d+/g);
  return [...new Set([...rows].map(([, pid]) => Number(pid)))];
}

interface MetricsLayout {
  /** Of the table, in bytes: revisions have been changed under way without a new number. */
  bytes: number;
  energyAt: number;
}

/**
 * Where `energy_accumulator` stands in `gpu_metrics`, by content revision of format 1.
 * From drivers/gpu/drm/amd/include/kgd_pp_interface.h, laid out by a C compiler for 64-bit Linux.
 * Only these revisions give the counter's unit (2^-16 J, 15.259 µJ); 1.0 to 1.3 (Radeon, and Instinct
 * up to MI200) have the field but no documented unit, 2.x and 3.x (processors with graphics) have none,
 * and 1.9 is a list of attributes. Those are left out.
 */
const METRICS_LAYOUTS: ReadonlyMap<number, MetricsLayout> = new Map([
  [4, { bytes: 288, energyAt: 24 }],
  [5, { bytes: 360, energyAt: 88 }],
  [6, { bytes: 1664, energyAt: 16 }],
  [7, { bytes: 2208, energyAt: 24 }],
  [8, { bytes: 3872, energyAt: 24 }],
]);

const JOULES_PER_STEP = 2 ** -16;

/** The energy since the driver was loaded, in joules, and the table's revision such as `1.4`. */
export function parseMetricsEnergy(
  table: Uint8Array,
): { joules: number; revision: string } | undefined {
  if (table.length < 4) return undefined;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const bytes = view.getUint16(0, true);
  const revision = view.getUint8(3);
  const layout = METRICS_LAYOUTS.get(revision);
  if (view.getUint8(2) !== 1 || layout?.bytes !== bytes || table.length < bytes) return undefined;
  // The driver fills the table with ones, and then with what the firmware told it: too much to believe.
  const steps = Number(view.getBigUint64(layout.energyAt, true));
  const joules = believed("energyJoules", steps * JOULES_PER_STEP);
  return joules === undefined ? undefined : { joules, revision: `1.${revision}` };
}

export interface KfdNode {
  /** As the files of processes name the device; 0 is a processor. */
  gpuId: number;
  /** PCI address without the function. */
  location: string;
}

/**
 * A node of `/sys/class/kfd/kfd/topology/nodes` (drivers/gpu/drm/amd/amdkfd/kfd_topology.c).
 * `location_id` is bus and device in its lower 16 bits. The function is left out, and so are the
 * upper bits: drivers have kept the number of a partition in either.
 */
export function parseKfdNode(gpuIdText: string, properties: string): KfdNode | undefined {
  const gpuId = parseCount(gpuIdText);
  const locationId = parseCount(/^location_id (.*)$/m.exec(properties)?.[1] ?? "");
  const domain = parseCount(/^domain (.*)$/m.exec(properties)?.[1] ?? "0");
  if (!gpuId || locationId === undefined || domain === undefined) return undefined;
  const bus = Math.floor(locationId / 256) % 256;
  const device = Math.floor((locationId % 256) / 8);
  return { gpuId, location: `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}` };
}

/** The part of a PCI address that {@link KfdNode.location} gives. */
export function locationOf(slot: string): string {
  return slot.slice(0, slot.lastIndexOf("."));
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
