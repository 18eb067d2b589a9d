/** What a GPU's rows say: metric → value as the exporter writes it. */
export type Metrics = Record<string, string | number>;

export interface Device {
  gpu?: number;
  uuid?: string;
  metrics: Metrics;
  /** Set for a MIG device. */
  instance?: number;
  profile?: string;
  labels?: Record<string, string>;
}

/** The text that an exporter from 2.x on writes: all rows of a metric below its HELP and TYPE. */
export function exporterText(devices: readonly Device[]): string {
  const names = new Set(devices.flatMap(({ metrics }) => Object.keys(metrics)));
  return [...names]
    .map((name) => {
      const rows = devices.flatMap((device) => {
        const value = device.metrics[name];
        return value === undefined ? [] : [`${name}{${labelsOf(device)}} ${value}`];
      });
      return [`# HELP ${name} what it is (in units).`, `# TYPE ${name} gauge`, ...rows, ""].join(
        "\n",
      );
    })
    .join("");
}

function labelsOf({ gpu = 0, uuid = `GPU-${gpu}`, instance, profile, labels }: Device): string {
  const all: Record<string, string> = {
    gpu: String(gpu),
    UUID: uuid,
    pci_bus_id: `00000000:0${gpu}:00.0`,
    device: `nvidia${gpu}`,
    modelName: "NVIDIA H100 80GB HBM3",
    ...(instance === undefined
      ? {}
      : { GPU_I_PROFILE: profile ?? "1g.10gb", GPU_I_ID: String(instance) }),
    Hostname: "n1",
    DCGM_FI_DRIVER_VERSION: "550.54.15",
    ...labels,
  };
  return Object.entries(all)
    .map(([label, text]) => `${label}="${text}"`)
    .join(",");
}

/** A device in which all that the exporter's own list has is measured. */
export const BUSY: Metrics = {
  DCGM_FI_DEV_SM_CLOCK: 1980,
  DCGM_FI_DEV_MEM_CLOCK: 2619,
  DCGM_FI_DEV_GPU_TEMP: 65,
  DCGM_FI_DEV_POWER_USAGE: "512.345000",
  DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION: 123_456_789,
  DCGM_FI_DEV_PCIE_REPLAY_COUNTER: 3,
  DCGM_FI_DEV_GPU_UTIL: 87,
  DCGM_FI_DEV_MEM_COPY_UTIL: 40,
  DCGM_FI_DEV_ENC_UTIL: 0,
  DCGM_FI_DEV_DEC_UTIL: 5,
  DCGM_FI_DEV_XID_ERRORS: 0,
  DCGM_FI_DEV_FB_FREE: 79_535,
  DCGM_FI_DEV_FB_USED: 1024,
  DCGM_FI_DEV_FB_RESERVED: 1000,
  DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS: 1,
  DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS: 2,
  DCGM_FI_PROF_GR_ENGINE_ACTIVE: "0.880000",
  DCGM_FI_PROF_SM_ACTIVE: "0.710000",
  DCGM_FI_PROF_SM_OCCUPANCY: "0.310000",
  DCGM_FI_PROF_PIPE_TENSOR_ACTIVE: "0.450000",
  DCGM_FI_PROF_DRAM_ACTIVE: "0.330000",
  DCGM_FI_PROF_PIPE_FP32_ACTIVE: "0.010000",
  DCGM_FI_PROF_PCIE_TX_BYTES: 1_500_000,
  DCGM_FI_PROF_NVLINK_RX_BYTES: "2.5e+09",
};

/** The same device in the spelling and units of exporter 4.9. */
export const BUSY_BASE_UNITS: Metrics = {
  DCGM_FI_DEV_SM_CLOCK_HERTZ: 1_980_000_000,
  DCGM_FI_DEV_MEMORY_CLOCK_HERTZ: 2_619_000_000,
  DCGM_FI_DEV_GPU_TEMP_CELSIUS: 65,
  DCGM_FI_DEV_BOARD_POWER_WATTS: "512.345000",
  DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL: 123_456,
  DCGM_FI_DEV_GPU_UTIL_RATIO: 0.87,
  DCGM_FI_DEV_MEMORY_UTIL_RATIO: 0.4,
  DCGM_FI_DEV_FB_USED_BYTES: 1024 * 1024 * 1024,
  DCGM_FI_DEV_FB_CAPACITY_BYTES: 81_559 * 1024 * 1024,
  DCGM_FI_PROF_SM_UTIL_RATIO: 0.71,
  DCGM_FI_PROF_TENSOR_UTIL_RATIO: 0.45,
  DCGM_FI_PROF_DRAM_UTIL_RATIO: 0.33,
};

/** As the first exporters wrote it, a script around `dcgmi dmon`. */
export const FIRST_EXPORTER = `# HELP dcgm_gpu_info
dcgm_gpu_info{gpu="0",uuid="GPU-0",gpu_type="Tesla V100-SXM2-16GB"} 1
# HELP dcgm_sm_clock SM clock frequency (in MHz).
# TYPE dcgm_sm_clock gauge
dcgm_sm_clock{gpu="0",uuid="GPU-0"} 1380
# TYPE dcgm_memory_clock gauge
dcgm_memory_clock{gpu="0",uuid="GPU-0"} 877
dcgm_gpu_temp{gpu="0",uuid="GPU-0"} 34
dcgm_power_usage{gpu="0",uuid="GPU-0"} 231.737
dcgm_total_energy_consumption{gpu="0",uuid="GPU-0"} 5000
dcgm_pcie_tx_throughput{gpu="0",uuid="GPU-0"} 1027729013
dcgm_gpu_utilization{gpu="0",uuid="GPU-0"} 99
dcgm_mem_copy_utilization{gpu="0",uuid="GPU-0"} 12
dcgm_fb_used{gpu="0",uuid="GPU-0"} 2048
dcgm_ecc_dbe_volatile_total{gpu="0",uuid="GPU-0"} 1
`;
