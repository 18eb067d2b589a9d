import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grantedGpus } from "../../../src/collect/registry/device-ids.ts";

const CARDS = new Map([
  ["card0", "PCI-8086:0bd5-0000:03:00.0"],
  ["0000:43:00.0", "AMD-00ff"],
]);
const cards = (name: string) => CARDS.get(name);
const of = (resource: string, ...ids: string[]) => grantedGpus([{ resource, ids }], cards);
const UUID = "GPU-8f3ab1c2-0000-4000-8000-00000000000a";

describe("the GPUs among a container's devices", () => {
  it.each<[string, string, string[]]>([
    ["nvidia.com/gpu", UUID, [UUID]],
    ["nvidia.com/gpu.shared", `${UUID}::3`, [UUID]],
    [
      "nvidia.com/mig-1g.10gb",
      "MIG-8f3ab1c2-0000-4000-8000-00000000000b",
      ["MIG-8f3ab1c2-0000-4000-8000-00000000000b"],
    ],
    ["nvidia.com/gpu", "MIG-GPU-8f3ab1c2/1/0", ["MIG-GPU-8f3ab1c2/1/0"]],
    ["nvidia.com/gpu", "0", ["0"]],
    ["nvidia.com/gpu", "0::1", ["0"]],
    ["nvidia.com/mig-1g.10gb", "0:1", ["0.1"]],
    ["nvidia.com/sriov_rdma", "0", []],
    ["nvidia.com/GA102", "0000:65:00.0", []],
    ["amd.com/gpu", "0000:43:00.0", ["AMD-00ff"]],
    ["amd.com/gpu", "0000:44:00.0", ["0000:44:00.0"]],
    ["gpu.intel.com/i915", "card0-0", ["PCI-8086:0bd5-0000:03:00.0"]],
    ["gpu.intel.com/i915", "card0-1", ["PCI-8086:0bd5-0000:03:00.0"]],
    ["gpu.intel.com/i915_monitoring", "all", []],
    ["gpu.intel.com/xe_monitoring", "card0-0", []],
    ["hugepages-2Mi", UUID, []],
    ["notnvidia.com/gpu", UUID, []],
    ["rdma/hca", "card0", []],
    ["nvidia.com/gpu", "GPU-\u001b[2J", []],
    ["nvidia.com/gpu", "", []],
  ])("of %s %j are %j", (resource, id, gpus) => {
    expect(of(resource, id).gpus).toEqual(gpus);
  });

  it("are told once each, with the numbers of their replicas in order", () => {
    expect(of("nvidia.com/gpu", `${UUID}::10`, `${UUID}::9`, UUID, `${UUID}::x`)).toEqual({
      gpus: [UUID],
      replicas: ["9", "10"],
    });
  });

  it("are bounded, and never of another form, whatever a plugin says", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `GPU-0000${i}`);
    expect(of("nvidia.com/gpu", ...many).gpus).toHaveLength(256);
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string({ unit: "binary" })), (resource, ids) => {
        for (const name of ["nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/xe", resource])
          for (const gpu of of(name, ...ids).gpus) expect(gpu).toMatch(/^[\w.:/-]{1,128}$/);
      }),
    );
  });
});
