import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { GpuInfo } from "../../src/model/sample.ts";
import { bindingFor } from "../../src/probe/binding.ts";
import {
  type GpuNodes,
  minorOf,
  pciAddressOf,
  readGpuNodes,
} from "../../src/probe/device-nodes.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { namespaceAbility, privateDevices } from "../../src/probe/private-devices.ts";
import { standInChild } from "../support/stand-in-child.ts";
import { temporaryFolder } from "../support/temporary.ts";

const A100 = { vendorId: 0x10de, deviceId: 0x20b0 };
const MI300 = { vendorId: 0x1002, deviceId: 0x74a1 };
const NODES: readonly GpuNodes[] = [
  { pciAddress: "0000:01:00.0", nodes: ["nvidia0", "dri/renderD128"], ...A100 },
  { pciAddress: "0000:41:00.0", nodes: ["nvidia1", "dri/renderD129"], ...A100 },
];
const SECOND: GpuInfo = {
  index: 1,
  uuid: "GPU-1",
  model: "NVIDIA A100",
  pciBusId: "00000000:41:00.0",
};
const CAN = { mode: "root" } as const;
const CANNOT = { reason: "no mount namespace of its own can be had here: not permitted" };

/** Names below the device folder that stay visible: the arguments between the folder and `--`. */
function visible(wrapper: readonly string[]): string[] {
  const first = wrapper.indexOf("/dev") + 1;
  return wrapper.slice(first, wrapper.lastIndexOf("--"));
}

describe("binding a process to a GPU", () => {
  test("takes nothing where there is one GPU", () => {
    const binding = bindingFor(SECOND, { nodes: NODES.slice(1), ability: CANNOT });
    expect(binding).toMatchObject({ kind: "only-gpu", environment: {}, wrapper: [] });
  });

  test("leaves it the device files of that GPU and what all share, and no other's", () => {
    const { kind, wrapper } = bindingFor(SECOND, { nodes: NODES, ability: CAN });
    expect(kind).toBe("namespace");
    expect(visible(wrapper)).toEqual(
      expect.arrayContaining(["nvidia1", "dri/renderD129", "nvidiactl", "nvidia-uvm", "null"]),
    );
    expect(visible(wrapper)).not.toContain("nvidia0");
    expect(visible(wrapper)).not.toContain("dri/renderD128");
  });

  test("hides an integrated GPU too", () => {
    const uhd = { pciAddress: "0000:00:02.0", nodes: ["dri/renderD130"] };
    const { kind, wrapper } = bindingFor(SECOND, {
      nodes: [...NODES.slice(1), uhd],
      ability: CAN,
    });
    expect(kind).toBe("namespace");
    expect(visible(wrapper)).not.toContain("dri/renderD130");
  });

  test("is said to be impossible for one of two alike without a namespace, and why", () => {
    expect(bindingFor(SECOND, { nodes: NODES, ability: CANNOT })).toMatchObject({
      kind: "none",
      reason: CANNOT.reason,
      wrapper: [],
    });
  });

  test("asks the loader for its model without a namespace, where no other is alike", () => {
    const [, second] = NODES;
    const other = { pciAddress: "0000:01:00.0", nodes: ["nvidia0"], ...A100, deviceId: 0x1eb8 };
    const { kind, environment } = bindingFor(SECOND, {
      nodes: second ? [other, second] : [],
      ability: CANNOT,
    });
    expect(kind).toBe("environment");
    expect(environment).toEqual({
      VK_LOADER_VENDOR_ID_FILTER: "0x10de",
      VK_LOADER_DEVICE_ID_FILTER: "0x20b0",
    });
  });

  test("asks Mesa by its numbers, and by its address where there are two alike", () => {
    const amd = (pciAddress: string, deviceId = MI300.deviceId): GpuNodes => ({
      pciAddress,
      nodes: [`dri/of-${pciAddress}`],
      vendorId: MI300.vendorId,
      deviceId,
    });
    const own = amd("0000:41:00.0");
    const mixed = bindingFor(SECOND, { nodes: [own, amd("0000:02:00.0", 1)], ability: CANNOT });
    expect(mixed.environment).toMatchObject({ MESA_VK_DEVICE_SELECT: "1002:74a1!" });
    const alike = bindingFor(SECOND, { nodes: [own, amd("0000:02:00.0")], ability: CANNOT });
    expect(alike.kind).toBe("environment");
    expect(alike.environment).toMatchObject({ DRI_PRIME: "pci-0000_41_00_0!" });
    expect(alike.environment).not.toHaveProperty("MESA_VK_DEVICE_SELECT");
  });

  test.each<[string, GpuInfo, RegExp]>([
    ["whose address nobody tells", { ...SECOND, pciBusId: undefined }, /does not tell its PCI/],
    ["that has no device file here", { ...SECOND, pciBusId: "0000:99:00.0" }, /0000:99:00\.0/],
    ["whose address is none", { ...SECOND, pciBusId: "; rm -rf /" }, /address unknown/],
    ["that is a part of a card", { ...SECOND, parentUuid: "GPU-9" }, /part of a card/],
  ])("is none for a GPU %s", (_, gpu, reason) => {
    const binding = bindingFor(gpu, { nodes: NODES, ability: CAN });
    expect(binding).toMatchObject({
      kind: "none",
      wrapper: [],
      reason: expect.stringMatching(reason),
    });
  });
});

describe("a GPU's device files", () => {
  test("are found by what the kernel tells, where they are here", async () => {
    const root = temporaryFolder("assay-nodes");
    const file = (path: string, text = ""): void => {
      mkdirSync(join(root, path, ".."), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    for (const [address, minor] of [
      ["0000:01:00.0", 1],
      ["0000:41:00.0", 0],
      ["0000:81:00.0", 2],
    ])
      file(
        `proc/driver/nvidia/gpus/${address}/information`,
        `Model: \t x\nDevice Minor: \t ${minor}\n`,
      );
    for (const node of ["nvidia0", "nvidia1", "dri/renderD128", "dri/card0"]) file(`dev/${node}`);
    mkdirSync(join(root, "sys/class/drm"), { recursive: true });
    for (const [name, address] of [
      ["renderD128", "0000:41:00.0"],
      ["card0", "0000:c1:00.0"],
    ]) {
      const device = `sys/bus/pci/devices/${address}`;
      file(`${device}/vendor`, "0x10de\n");
      file(`${device}/device`, name === "card0" ? "rubbish\n" : "0x20b0\n");
      mkdirSync(join(root, `sys/class/drm/${name}`), { recursive: true });
      symlinkSync(join(root, device), join(root, `sys/class/drm/${name}/device`));
    }
    mkdirSync(join(root, "sys/class/drm/card0-HDMI-A-1"));
    const found = await readGpuNodes({
      deviceFolder: join(root, "dev"),
      procRoot: join(root, "proc"),
      sysRoot: join(root, "sys"),
    });
    expect(found).toEqual([
      { pciAddress: "0000:01:00.0", nodes: ["nvidia1"] },
      { pciAddress: "0000:41:00.0", nodes: ["nvidia0", "dri/renderD128"], ...A100 },
      { pciAddress: "0000:c1:00.0", nodes: ["dri/card0"], vendorId: 0x10de },
    ]);
  });

  test("are none where nothing can be read", async () => {
    const nowhere = "/nonexistent";
    const roots = { deviceFolder: nowhere, procRoot: nowhere, sysRoot: nowhere };
    expect(await readGpuNodes(roots)).toEqual([]);
  });

  test("go by an address that all sources write alike, or by none", () => {
    expect(pciAddressOf("00000000:C1:00.0")).toBe("0000:c1:00.0");
    expect(pciAddressOf("0001:c1:00.1")).toBe("0001:c1:00.1");
    expect(pciAddressOf("00010000:c1:00.1")).toBe("10000:c1:00.1");
    expect(pciAddressOf("../../etc")).toBeUndefined();
    expect(pciAddressOf("0000:c1:00.8")).toBeUndefined();
    expect(minorOf("Device Minor: \t 12\n")).toBe(12);
    expect(minorOf("Device Minor: 1024\n")).toBeUndefined();
    expect(minorOf("GPU UUID: x\n")).toBeUndefined();
  });
});

const { mode, reason } = await namespaceAbility(process.getuid?.() === 0);

describe("a private device folder", () => {
  test.skipIf(mode === undefined)(
    `shows the wanted files only, to the device process only${reason ? ` (skipped: ${reason})` : ""}`,
    async () => {
      const folder = temporaryFolder("assay-dev");
      mkdirSync(join(folder, "dri"));
      const all = ["nvidia0", "nvidia1", "nvidiactl", "dri/renderD128", "dri/renderD129"];
      for (const name of all) writeFileSync(join(folder, name), name);
      const device = await openDevice({
        allowSoftware: true,
        childUrl: standInChild(""),
        wrapper: privateDevices(mode ?? "user", ["nvidia1", "dri/renderD129"], folder),
      });
      const seen = join(`/proc/${device.pid}/root`, folder);
      expect((await readdir(seen)).sort()).toEqual(["dri", "nvidia1", "nvidiactl"]);
      expect(await readdir(join(seen, "dri"))).toEqual(["renderD129"]);
      expect((await readdir(folder)).sort()).toEqual(["dri", "nvidia0", "nvidia1", "nvidiactl"]);
      await device.close();
    },
  );

  test("that cannot be made is said so, in the system's words", async () => {
    const ability = await namespaceAbility(false, "/nonexistent");
    expect(ability.mode).toBeUndefined();
    expect(ability.reason).toMatch(/^no mount namespace of its own can be had here: .+/);
  });

  test("takes names as arguments: none is read by a shell", () => {
    const name = "$(touch /tmp/x)";
    const argv = privateDevices("root", [name]);
    expect(argv).toContain(name);
    expect(argv[argv.indexOf("-c") + 1]).toBe(privateDevices("root", [])[argv.indexOf("-c") + 1]);
  });
});
