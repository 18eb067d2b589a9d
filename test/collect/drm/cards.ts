import type { CardTree, OpenFile, Tree } from "./tree.ts";
import { metricsTable } from "./tree.ts";

/** Cards in the form their drivers give them. The figures are made up. */

export const GIB = 1024 ** 3;

/** A Radeon RX 7900: power as an average only, a metrics table whose counter has no documented unit. */
export function radeon(slot = "0000:03:00.0", number = 0): CardTree {
  return {
    driver: "amdgpu",
    slot,
    number,
    pciId: "1002:744C",
    files: {
      unique_id: `4f5c0e1d2c3b4a${slot.slice(5, 7)}\n`,
      product_name: "\n",
      gpu_busy_percent: "97\n",
      mem_busy_percent: "41\n",
      mem_info_vram_total: `${24 * GIB}\n`,
      mem_info_vram_used: `${3 * GIB}\n`,
      pp_dpm_sclk: "0: 500Mhz\n1: 2371Mhz *\n2: 2482Mhz\n",
      gpu_metrics: metricsTable(3, 120, 24, 1_000_000n),
    },
    hwmon: [
      {
        number: 4,
        name: "amdgpu",
        files: {
          power1_average: "303000000\n",
          power1_cap: "339000000\n",
          temp1_input: "62000\n",
          temp2_input: "81000\n",
          freq1_input: "2482000000\n",
          freq2_input: "1249000000\n",
        },
      },
    ],
  };
}

/** An MI300 kind: no product name, no edge temperature, an energy counter, another sensor beside. */
export function instinct(slot = "0000:c1:00.0", number = 1): CardTree {
  return {
    driver: "amdgpu",
    slot,
    number,
    pciId: "1002:74A1",
    files: {
      unique_id: `9a8b7c6d5e4f3a${slot.slice(5, 7)}\n`,
      gpu_busy_percent: "100\n",
      mem_busy_percent: "55\n",
      mem_info_vram_total: `${192 * GIB}\n`,
      mem_info_vram_used: `${150 * GIB}\n`,
      pp_dpm_sclk: "0: 132Mhz\n1: 2100Mhz *\n",
      gpu_metrics: metricsTable(4, 288, 24, 65_536n * 5000n),
    },
    hwmon: [
      { number: 2, name: "nvme", files: { temp1_input: "33000\n", power1_input: "7000000\n" } },
      {
        number: 10,
        name: "amdgpu",
        files: {
          power1_input: "688000000\n",
          power1_average: "655000000\n",
          power1_cap: "750000000\n",
          temp2_input: "74000\n",
          temp3_input: "61000\n",
        },
      },
    ],
  };
}

/** An Arc under i915: the sensors of the card and those of a part of it. */
export function arc(slot = "0000:03:00.0", number = 0): CardTree {
  return {
    driver: "i915",
    slot,
    number,
    pciId: "8086:56A0",
    cardFiles: { "gt/gt0/rps_act_freq_mhz": "2400\n", gt_act_freq_mhz: "2000\n" },
    hwmon: [
      { number: 3, name: "i915_gt0", files: { energy1_input: "1\n" } },
      {
        number: 5,
        name: "i915",
        files: { energy1_input: "123456789\n", power1_max: "0\n", power1_rated_max: "190000000\n" },
      },
    ],
  };
}

/** A Battlemage under xe. */
export function battlemage(slot = "0000:04:00.0", number = 1): CardTree {
  return {
    driver: "xe",
    slot,
    number,
    pciId: "8086:E20B",
    files: { "tile0/gt0/freq0/act_freq": "2850\n", "tile0/gt1/freq0/act_freq": "1500\n" },
    hwmon: [
      {
        number: 6,
        name: "xe",
        files: {
          energy1_input: "5000000\n",
          energy2_input: "4000000\n",
          power1_max: "200000000\n",
          temp2_input: "48000\n",
          temp3_input: "52000\n",
        },
      },
    ],
  };
}

/** A server's management display: a card of DRM, but nothing that computes. */
export function management(slot = "0000:02:00.0", number = 2): CardTree {
  return { driver: "ast", slot, number, pciId: "1A03:2000" };
}

/** An open device with the lines of `/proc/PID/fdinfo` after the fixed ones. */
export function opened(number: number, fields: Record<string, string>): OpenFile {
  const lines = Object.entries(fields).map(([key, value]) => `drm-${key}:\t${value}\n`);
  return { link: `/dev/dri/renderD${128 + number}`, info: lines.join("") };
}

/** A client of {@link radeon} that has worked for so long, in nanoseconds. */
export function radeonClient(
  id: number,
  gfxNs: number,
  more: Record<string, string> = {},
): OpenFile {
  return opened(0, {
    driver: "amdgpu",
    pdev: "0000:03:00.0",
    "client-id": String(id),
    "memory-vram": "2048 KiB",
    ...(gfxNs > 0 && { "engine-gfx": `${gfxNs} ns` }),
    ...more,
  });
}

/** A client of {@link arc}. */
export function arcClient(
  id: number,
  renderNs: number,
  more: Record<string, string> = {},
): OpenFile {
  return opened(0, {
    driver: "i915",
    pdev: "0000:03:00.0",
    "client-id": String(id),
    "resident-local0": "512 MiB",
    "engine-render": `${renderNs} ns`,
    ...more,
  });
}

/** Names the devices to ROCm's driver: the number of each, by PCI bus. */
export function kfdTopology(tree: Tree, gpus: Record<number, { bus: number }>): void {
  const nodes = "sys/class/kfd/kfd/topology/nodes";
  tree.write(`${nodes}/0/gpu_id`, "0\n");
  tree.write(`${nodes}/0/properties`, "cpu_cores_count 96\nlocation_id 0\ndomain 0\n");
  tree.write("sys/class/kfd/kfd/proc/.keep", "");
  for (const [index, [gpuId, { bus }]] of Object.entries(gpus).entries()) {
    tree.write(`${nodes}/${index + 1}/gpu_id`, `${gpuId}\n`);
    tree.write(
      `${nodes}/${index + 1}/properties`,
      `simd_count 1216\nlocation_id ${bus * 256}\ndomain 0\ndrm_render_minor 128\n`,
    );
  }
}

/** A process of ROCm: its memory by device, and the devices of its queues. */
export function kfdProcess(
  tree: Tree,
  pid: number,
  vram: Record<number, number>,
  queues: readonly number[],
): void {
  const root = `sys/class/kfd/kfd/proc/${pid}`;
  tree.write(`${root}/pasid`, "0\n");
  for (const [gpuId, bytes] of Object.entries(vram))
    tree.write(`${root}/vram_${gpuId}`, `${bytes}\n`);
  queues.forEach((gpuId, queue) => tree.write(`${root}/queues/${queue}/gpuid`, `${gpuId}`));
}
