import { expect } from "vitest";
import type { ProbeDevice } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import type { Kernel } from "../../src/probe/kernels/kernel.ts";
import { type Build, buildOf, type Variant } from "../../src/probe/kernels/variant.ts";
import type { AdapterDescription } from "../../src/probe/protocol.ts";
import { readShader } from "../../src/probe/shaders.ts";
import { adapterDescription } from "./adapter.ts";
import { builtUrl } from "./built.ts";
import { seeded } from "./seeded.ts";
import { softwareAdapter } from "./software-adapter.ts";

/** The software adapter twice: as it is, and without its own bounds checks. */
export interface KernelRig {
  device: ProbeDevice;
  unchecked: ProbeDevice;
  close(): Promise<void>;
}

export async function openRig(): Promise<KernelRig> {
  const { environment } = await softwareAdapter();
  const settings = { allowSoftware: true, environment, childUrl: builtUrl("probe/child.js") };
  const device = await openDevice(settings);
  const unchecked = await openDevice({ ...settings, robustness: false });
  return {
    device,
    unchecked,
    close: async () => {
      await device.close();
      await unchecked.close();
    },
  };
}

/** The best guess of a kernel for an adapter. */
export async function firstBuild(kernel: Kernel, adapter: AdapterDescription): Promise<Build> {
  const [variant] = kernel.variants(adapter);
  return buildOf(await readShader(kernel.shader), variant);
}

/** With the smallest workgroups: the software adapter compiles barriers ten times faster so. */
async function smallBuild(kernel: Kernel, adapter: AdapterDescription): Promise<Build> {
  const size = (variant: Variant) => variant["WORKGROUP"] ?? 0;
  const variants = kernel.variants(adapter).toSorted((a, b) => size(a) - size(b));
  return buildOf(await readShader(kernel.shader), variants[0] ?? {});
}

/** Verifies a kernel whose shader has a defect; fails where the text to break is gone. */
export async function expectFound(
  device: ProbeDevice,
  kernel: Kernel,
  from: string,
  to: string,
): Promise<void> {
  const { code, variant } = await smallBuild(kernel, device.adapter);
  expect(code).toContain(from);
  const build = { code: code.replace(from, to), variant };
  await expect(kernel.verify(device, build, seeded(3))).rejects.toMatchObject({
    code: "probe/wrong-result",
  });
}

/** Runs a kernel's workload and its check: wrong before a launch, right after it and after more. */
export async function expectChecked(device: ProbeDevice, kernel: Kernel): Promise<void> {
  const { adapter } = device;
  const build = await smallBuild(kernel, adapter);
  const workload = kernel.workload({ build, scale: "software", adapter, random: seeded(2) });
  const handle = await device.prepare(workload.job);
  const check = () => workload.check((binding, range) => device.read(handle, binding, range));
  await expect(check()).rejects.toMatchObject({ code: "probe/wrong-result" });
  await device.launch(handle, 1, 0);
  await expect(check()).resolves.toBeUndefined();
  await device.launch(handle, 3, 0);
  await expect(check()).resolves.toBeUndefined();
  await device.release(handle);
}

/** A GPU that is not here, with the limits given; others are what the specification demands. */
export function adapterWith(limits: Record<string, number>): AdapterDescription {
  return adapterDescription({ vendor: "nobody", description: "an adapter of a test", limits });
}
