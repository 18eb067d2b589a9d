import { describe, expect, test } from "vitest";
import { aluF32Kernel } from "../../../src/probe/kernels/alu-f32.ts";
import { aluInt32Kernel } from "../../../src/probe/kernels/alu-int32.ts";
import type { Scale } from "../../../src/probe/kernels/kernel.ts";
import { memoryChaseKernel } from "../../../src/probe/kernels/memory-chase.ts";
import { memoryCopyKernel } from "../../../src/probe/kernels/memory-copy.ts";
import { memoryGatherKernel } from "../../../src/probe/kernels/memory-gather.ts";
import { memorySharedKernel } from "../../../src/probe/kernels/memory-shared.ts";
import { memoryTriadKernel } from "../../../src/probe/kernels/memory-triad.ts";
import { KernelJob } from "../../../src/probe/protocol.ts";
import { adapterWith } from "../../support/kernel-rig.ts";
import { seeded } from "../../support/seeded.ts";

const MIB = 2 ** 20;
const LARGE = [memoryCopyKernel, memoryTriadKernel, memoryGatherKernel, memoryChaseKernel] as const;
const KERNELS = [...LARGE, memorySharedKernel, aluInt32Kernel, aluF32Kernel] as const;

/** A data-centre GPU: a binding may have 2 GiB less 4 bytes. */
const gpu = adapterWith({ maxBufferSize: 2 ** 40, maxStorageBufferBindingSize: 2 ** 31 - 4 });
/** Nothing but what every WebGPU device must have. */
const small = adapterWith({});

const buffersOf = (kernel: (typeof KERNELS)[number], adapter: typeof gpu, scale: Scale) => {
  const [variant] = kernel.variants(adapter);
  const context = { build: { code: "", variant }, scale, adapter, random: seeded(1) };
  const { job, workPerDispatch } = kernel.workload(context);
  expect(workPerDispatch).toBeGreaterThan(0);
  return KernelJob.parse(job).buffers.filter(({ kind }) => kind !== "uniform");
};
const largest = (...args: Parameters<typeof buffersOf>) =>
  Math.max(...buffersOf(...args).map(({ sizeBytes }) => sizeBytes));

describe("how much of a device a kernel takes", () => {
  test("is beyond every cache on a GPU", () => {
    expect(LARGE.map((kernel) => largest(kernel, gpu, "gpu") / MIB)).toEqual([
      256, 256, 1024, 1024,
    ]);
  });

  test("is never more than the adapter gives, and then beyond most caches still", () => {
    for (const kernel of KERNELS)
      expect(largest(kernel, small, "gpu")).toBeLessThanOrEqual(128 * MIB);
    for (const kernel of LARGE) expect(largest(kernel, small, "gpu")).toBe(128 * MIB);
  });

  test("is little in a probe, which shares the device with somebody else's work", () => {
    for (const kernel of KERNELS)
      expect(largest(kernel, gpu, "probe")).toBeLessThanOrEqual(16 * MIB);
  });

  test("is next to nothing on a CPU that plays GPU", () => {
    for (const kernel of KERNELS) expect(largest(kernel, gpu, "software")).toBeLessThanOrEqual(MIB);
  });

  test("does not go through the host: tables are made by the device", () => {
    for (const kernel of LARGE) {
      const sent = buffersOf(kernel, gpu, "gpu").map(({ data }) => data?.byteLength ?? 0);
      expect(Math.max(...sent)).toBeLessThan(64);
    }
  });
});

describe("what is counted", () => {
  const workOf = (kernel: (typeof KERNELS)[number]) => {
    const [variant] = kernel.variants(gpu);
    const build = { code: "", variant };
    return kernel.workload({ build, scale: "gpu", adapter: gpu, random: seeded(1) })
      .workPerDispatch;
  };

  test("is bytes read and written, and hops", () => {
    expect(workOf(memoryCopyKernel)).toBe(2 * 256 * MIB);
    expect(workOf(memoryTriadKernel)).toBe(3 * 256 * MIB);
    // 2^21 invocations read 16 times 4 vectors; 2^22 read 8 and write 1 in each of 128 turns.
    expect(workOf(memoryGatherKernel)).toBe(2 ** 21 * 16 * 4 * 16);
    expect(workOf(memorySharedKernel)).toBe(2 ** 22 * 128 * 9 * 16);
    expect(workOf(memoryChaseKernel)).toBe(4096);
  });

  test("goes through a large table more than once, so that most of it is met", () => {
    expect(workOf(memoryGatherKernel)).toBeGreaterThan(1024 * MIB);
  });

  test("is the one resource that a ceiling measures, and little beside", () => {
    expect(memoryTriadKernel.cost).toEqual({ "memory-byte": 1, "f32-flop": 1 / 6 });
    expect(memoryGatherKernel.cost).toEqual({ "gather-byte": 1, "int32-op": 1 });
    expect(memorySharedKernel.cost).toEqual({ "shared-byte": 1, "int32-op": 0.375 });
    const measured = KERNELS.map(({ measures }) => measures).filter((name) => name !== undefined);
    expect(new Set(measured).size).toBe(measured.length);
  });
});

describe("what an adapter may lack", () => {
  test("is nothing on a GPU, and nothing on the smallest device that WebGPU allows", () => {
    for (const kernel of KERNELS) {
      expect(kernel.lacks(gpu)).toBeUndefined();
      expect(kernel.lacks(small)).toBeUndefined();
    }
  });

  test("is a buffer larger than a cache", () => {
    const sizes = [2 ** 26, 2 ** 26, 2 ** 27, 2 ** 27];
    for (const [i, kernel] of LARGE.entries()) {
      const least = sizes[i] ?? 0;
      expect(kernel.lacks(adapterWith({ maxStorageBufferBindingSize: least }))).toBeUndefined();
      expect(kernel.lacks(adapterWith({ maxStorageBufferBindingSize: least - 4 }))).toContain(
        `${least} are needed`,
      );
      expect(kernel.lacks(adapterWith({ maxBufferSize: least - 4 }))).toContain("a buffer");
    }
  });

  test("is workgroup memory", () => {
    const shared = (bytes: number) => adapterWith({ maxComputeWorkgroupStorageSize: bytes });
    expect(memorySharedKernel.lacks(shared(2048))).toBeUndefined();
    expect(memorySharedKernel.lacks(shared(2047))).toContain("2048 are needed");
    expect(memorySharedKernel.variants(shared(4096))).toEqual([
      { WORKGROUP: 128 },
      { WORKGROUP: 64 },
    ]);
  });

  test("is a workgroup of the smallest size that is tried", () => {
    const narrow = (invocations: number) =>
      adapterWith({ maxComputeInvocationsPerWorkgroup: invocations });
    for (const kernel of [memorySharedKernel, aluInt32Kernel, memoryGatherKernel]) {
      expect(kernel.lacks(narrow(64))).toBeUndefined();
      expect(kernel.lacks(narrow(63))).toContain("64 are needed");
      expect(kernel.variants(narrow(64)).every((variant) => variant["WORKGROUP"] === 64)).toBe(
        true,
      );
    }
    expect(memoryCopyKernel.variants(narrow(1024)).some((v) => v["WORKGROUP"] === 512)).toBe(false);
    const wide = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupSizeX: 1024 };
    expect(memoryCopyKernel.variants(adapterWith(wide)).some((v) => v["WORKGROUP"] === 512)).toBe(
      true,
    );
  });
});
