import { describe, expect, test } from "vitest";
import { bindingFinding } from "../../src/cli/doctor-binding.ts";
import type { DeviceView } from "../../src/cli/doctor-sources.ts";

const T4 = { vendorId: 0x10de, deviceId: 0x1eb8 };
const nodes = [0, 1].map((i) => ({ pciAddress: `0000:0${i}:00.0`, nodes: [`nvidia${i}`], ...T4 }));
const view = (index: number, over: Partial<DeviceView> = {}): DeviceView => ({
  index,
  uuid: `GPU-${index}`,
  model: "NVIDIA T4",
  pciBusId: `00000000:0${index}:00.0`,
  source: "nvml",
  quantities: [{ quantity: "memUsedBytes", status: "answered" }],
  ...over,
});
const CAN = { mode: "user" } as const;
const CANNOT = { reason: "unshare failed: Operation not permitted" };

describe("doctor, of the right GPU", () => {
  test("says nothing where there is no GPU", () => {
    expect(bindingFinding([], { nodes: [], ability: {} })).toBeUndefined();
  });

  test("says in one line how each is told apart", () => {
    expect(bindingFinding([view(0), view(1)], { nodes, ability: CAN })).toEqual({
      name: "right GPU (reference kernels)",
      status: "ok",
      detail: "gpu0, gpu1: shown to its process alone, by a mount namespace",
      hints: [],
    });
    expect(bindingFinding([view(0)], { nodes: nodes.slice(0, 1), ability: {} })).toMatchObject({
      status: "ok",
      detail: "gpu0: the only GPU with device files here",
    });
  });

  test("says why not, and what would help", () => {
    expect(bindingFinding([view(0), view(1)], { nodes, ability: CANNOT })).toMatchObject({
      status: "missing",
      detail: "gpu0, gpu1: cannot be asked for (unshare failed: Operation not permitted)",
      hints: [expect.stringContaining("mount namespaces")],
    });
  });

  test("says that a GPU whose memory is not measured cannot be confirmed", () => {
    const silent = view(1, { quantities: [{ quantity: "memUsedBytes", status: "silent" }] });
    const finding = bindingFinding([view(0), silent], { nodes, ability: CAN });
    expect(finding).toMatchObject({
      status: "missing",
      hints: [expect.stringContaining("memory")],
    });
    expect(finding?.detail).toMatch(/^gpu0: shown .*; gpu1: .* its memory is not measured$/);
  });
});
