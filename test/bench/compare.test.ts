import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { compareDevices } from "../../bench/devices/compare.ts";
import { compareText } from "../../bench/devices/print.ts";
import { standIn } from "../collect/nvidia-smi/stand-in.ts";
import { compileNvmlStub, haveCompiler } from "../support/nvml-stub.ts";

const suffix = haveCompiler() ? "" : " (skipped: no C compiler `cc`)";

describe("the comparison of NVML with nvidia-smi", () => {
  it("says why there is nothing to compare", async () => {
    const said = await compareDevices({ library: "libassay-none.so.1" });
    expect(said).toMatch(/libassay-none.so.1 not found/);
    expect(compareText(said)).toMatch(/nothing to compare/);
  });

  it.skipIf(!haveCompiler())(
    `pairs the quantities of both, and times every call${suffix}`,
    async () => {
      const library = compileNvmlStub({
        script: { util: 90, field186: 400_000, temperature: 60, energy: 5000 },
      });
      const smi = standIn({
        list: "GPU 0: NVML stand-in (UUID: GPU-stand-in-0)\n",
        gpus: [
          {
            index: "0",
            uuid: "GPU-stand-in-0",
            name: "NVML stand-in",
            "utilization.gpu": "80",
            "power.draw.instant": "399.00",
            "temperature.gpu": "60",
          },
        ],
      });
      const result = await compareDevices({ library, smi: smi.path, readings: 8, everyMs: 60 });
      if (typeof result === "string") throw new Error(result);
      const of = (name: string) => result.quantities.find(({ quantity }) => quantity === name);
      expect(of("gpuUtil")).toMatchObject({ nvml: 0.9, smi: 0.8 });
      expect(of("gpuUtil")?.difference).toBeCloseTo(0.1);
      expect(of("powerWatts")).toMatchObject({ nvml: 400, smi: 399, difference: 1 });
      expect(of("tempC")?.difference).toBe(0);
      // What only one of them tells is shown beside nothing.
      expect(of("energyJoules")).toMatchObject({ nvml: 5, smi: undefined, pairs: 0 });
      const calls = result.calls.map(({ symbol }) => symbol);
      expect(calls).toContain("nvmlDeviceGetUtilizationRates");
      expect(compareText(result)).toMatch(/gpu0 powerWatts +\d+ +400\.000 +399\.000 +1\.00000/);
      rmSync(dirname(library), { recursive: true });
    },
  );
});
