import { describe, expect, test } from "vitest";
import type { GpuInfo } from "../../src/model/sample.ts";
import { matchDevice } from "../../src/probe/device-match.ts";
import type { AdapterDescription } from "../../src/probe/protocol.ts";

const adapter = (over: Partial<AdapterDescription> = {}): AdapterDescription => ({
  vendor: "nvidia",
  architecture: "ampere",
  device: "NVIDIA A100-SXM4-40GB",
  description: "NVIDIA: 570.10",
  isFallbackAdapter: false,
  software: false,
  timestamps: true,
  features: [],
  languageFeatures: [],
  matrixConfigs: [],
  limits: {},
  ...over,
});

const gpu = (index: number, model: string): GpuInfo => ({ index, uuid: `GPU-${index}`, model });
const A100 = "NVIDIA A100-SXM4-40GB";
const PID = 4711;

const match = (
  description: AdapterDescription,
  gpus: readonly GpuInfo[],
  pids?: Record<string, number[]>,
) =>
  matchDevice(
    { adapter: description, pid: PID },
    {
      gpus,
      read: async () => ({}),
      ...(pids ? { pids: async (uuid: string) => pids[uuid] ?? [] } : {}),
    },
  );

describe("which GPU the adapter is", () => {
  test("a software adapter is no GPU of the node, even where there is only one", async () => {
    const software = adapter({ software: true });
    expect(await match(software, [gpu(0, A100)])).toEqual({
      gpuUuid: "software",
      deviceMatch: "software",
    });
  });

  test("the GPU on which the device process was seen, before anything else", async () => {
    const gpus = [gpu(0, A100), gpu(1, A100)];
    const seen = await match(adapter(), gpus, { "GPU-1": [1, PID] });
    expect(seen).toEqual({ gpuUuid: "GPU-1", deviceMatch: "pid-seen" });
  });

  test("the only GPU of the node", async () => {
    expect(await match(adapter(), [gpu(0, "Graphics Device")])).toEqual({
      gpuUuid: "GPU-0",
      deviceMatch: "only-gpu",
    });
  });

  test("not the only GPU the collectors know when the adapter is of another vendor", async () => {
    const integrated = adapter({ vendor: "intel", device: "Intel UHD", description: "Mesa" });
    await expect(match(integrated, [gpu(0, A100)])).rejects.toMatchObject({
      code: "probe/no-match",
    });
  });

  test("the one GPU of the adapter's name", async () => {
    const gpus = [gpu(0, "NVIDIA T4"), gpu(1, "NVIDIA A100 SXM4 40GB")];
    expect(await match(adapter(), gpus)).toEqual({ gpuUuid: "GPU-1", deviceMatch: "name" });
  });

  test("none of two identical GPUs: a guess is refused", async () => {
    const twins = [gpu(0, A100), gpu(1, A100)];
    await expect(match(adapter(), twins)).rejects.toMatchObject({ code: "probe/no-match" });
  });

  test("none where the process is seen on two GPUs and the name does not decide", async () => {
    const twins = [gpu(0, A100), gpu(1, A100)];
    const pids = { "GPU-0": [PID], "GPU-1": [PID] };
    await expect(match(adapter(), twins, pids)).rejects.toMatchObject({ code: "probe/no-match" });
  });

  test("none where no collector knows a GPU", async () => {
    await expect(match(adapter(), [])).rejects.toMatchObject({ code: "probe/no-match" });
  });
});
