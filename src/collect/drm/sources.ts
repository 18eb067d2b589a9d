import type { GpuQuantity } from "../../model/sample.ts";
import {
  HERTZ_PER_MHZ,
  parseDpmClockMHz,
  parseScaled,
  PER_MICRO,
  PER_MILLI,
  PERCENT,
  type DrmDriver,
} from "./parse.ts";

/** Pure: which file of a card tells which quantity, the best first. */
export interface Source {
  quantity: GpuQuantity;
  /** `card` is `/sys/class/drm/cardN`, `device` its PCI device, `hwmon` that device's sensors. */
  at: "card" | "device" | "hwmon";
  file: string;
  parse(text: string): number | undefined;
}

type Scaled = readonly [GpuQuantity, Source["at"], string, number];

function scaled([quantity, at, file, perUnit]: Scaled): Source {
  return { quantity, at, file, parse: (text) => parseScaled(quantity, text, perUnit) };
}

function dpmClock(quantity: GpuQuantity, file: string): Source {
  return { quantity, at: "device", file, parse: (text) => parseDpmClockMHz(quantity, text) };
}

/**
 * amdgpu: Documentation/gpu/amdgpu/thermal.rst and driver-misc.rst, whose texts stand in
 * drivers/gpu/drm/amd/pm/amdgpu_pm.c and amdgpu_vram_mgr.c.
 * Never read: `pcie_bw`, which counts for a second while the reader waits.
 */
const AMDGPU: readonly Source[] = [
  // Computed by the firmware; with compute work resident but idle, some Radeons say 100.
  scaled(["gpuUtil", "device", "gpu_busy_percent", PERCENT]),
  scaled(["memUtil", "device", "mem_busy_percent", PERCENT]),
  scaled(["memUsedBytes", "device", "mem_info_vram_used", 1]),
  // `input` is the power right now, `average` the running mean; on a processor with graphics the
  // whole socket's. Which of them is there hangs on the card.
  scaled(["powerWatts", "hwmon", "power1_input", PER_MICRO]),
  scaled(["powerWatts", "hwmon", "power1_average", PER_MICRO]),
  // temp1 is the edge of the chip; Instinct has none and tells its hottest spot (temp2) only.
  scaled(["tempC", "hwmon", "temp1_input", PER_MILLI]),
  scaled(["tempC", "hwmon", "temp2_input", PER_MILLI]),
  scaled(["smClockMHz", "hwmon", "freq1_input", HERTZ_PER_MHZ]),
  dpmClock("smClockMHz", "pp_dpm_sclk"),
  scaled(["memClockMHz", "hwmon", "freq2_input", HERTZ_PER_MHZ]),
  dpmClock("memClockMHz", "pp_dpm_mclk"),
];

/**
 * i915: ABI/testing/sysfs-driver-intel-i915-hwmon (the sensors named `i915`; those named `i915_gtN`
 * speak of a part of the card). The clock's files are i915's own (gt/intel_gt_sysfs_pm.c), in MHz; 0
 * while the engines sleep. The driver adds up the energy register, so that it does not wrap.
 */
const I915: readonly Source[] = [
  scaled(["energyJoules", "hwmon", "energy1_input", PER_MICRO]),
  scaled(["powerWatts", "hwmon", "power1_input", PER_MICRO]),
  scaled(["tempC", "hwmon", "temp1_input", PER_MILLI]),
  scaled(["smClockMHz", "card", "gt/gt0/rps_act_freq_mhz", 1]),
  scaled(["smClockMHz", "card", "gt_act_freq_mhz", 1]),
];

/**
 * xe: ABI/testing/sysfs-driver-intel-xe-hwmon (channel 1 the card, 2 the package, 3 its memory) and
 * the text in drivers/gpu/drm/xe/xe_gt_freq.c. Several tiles run alike: the first stands for all.
 */
const XE: readonly Source[] = [
  scaled(["energyJoules", "hwmon", "energy1_input", PER_MICRO]),
  scaled(["energyJoules", "hwmon", "energy2_input", PER_MICRO]),
  scaled(["powerWatts", "hwmon", "power1_input", PER_MICRO]),
  scaled(["tempC", "hwmon", "temp2_input", PER_MILLI]),
  scaled(["smClockMHz", "device", "tile0/gt0/freq0/act_freq", 1]),
];

export const SOURCES: Readonly<Record<DrmDriver, readonly Source[]>> = {
  amdgpu: AMDGPU,
  i915: I915,
  xe: XE,
};

/** Files with the power limit in microwatts, the best first: the one set before the card's own. */
export const POWER_LIMITS: Readonly<Record<DrmDriver, readonly string[]>> = {
  amdgpu: ["power1_cap"],
  i915: ["power1_max", "power1_rated_max"],
  xe: ["power1_max", "power2_max", "power1_rated_max", "power2_rated_max"],
};
