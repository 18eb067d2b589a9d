import { cpus, release, totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { readInventory, type InventorySources } from "../../../src/collect/inventory/inventory.ts";

const sources = (changes: Partial<InventorySources> = {}): InventorySources => ({
  osInfo: async () => ({
    hostname: "node-1",
    distro: "Debian GNU/Linux",
    release: "12",
    kernel: "6.1.0",
    arch: "x64",
  }),
  cpu: async () => ({
    manufacturer: "AMD",
    brand: "EPYC 9654",
    cores: 192,
    physicalCores: 96,
    processors: 1,
  }),
  mem: async () => ({ total: 1000 }),
  system: async () => ({ model: "R7625", virtual: false }),
  interfaceNames: () => ["lo", "ib0"],
  exists: () => false,
  ...changes,
});

const broken = async (): Promise<never> => {
  throw new Error("no such command");
};

describe("the inventory of a host", () => {
  it("names what the sources tell", async () => {
    expect(await readInventory(sources())).toEqual({
      hostname: "node-1",
      os: "Debian GNU/Linux 12",
      kernel: "6.1.0",
      architecture: "x64",
      cpuModel: "AMD EPYC 9654",
      cpuSockets: 1,
      cpuCores: 96,
      cpuThreads: 192,
      memoryTotalBytes: 1000,
      networkInterfaces: ["lo", "ib0"],
      virtualization: undefined,
      container: false,
    });
  });

  it.each(["osInfo", "cpu", "mem", "system"] as const)(
    "only lacks its own facts where %s fails",
    async (name) => {
      const [whole, partial] = await Promise.all([
        readInventory(sources()),
        readInventory(sources({ [name]: broken })),
      ]);
      const missing = (inventory: object) =>
        Object.values(inventory).filter((value) => value === undefined).length;
      expect(missing(partial)).toBe(
        missing(whole) + { osInfo: 4, cpu: 4, mem: 1, system: 0 }[name],
      );
    },
  );

  it.each([
    [{ model: "R7625", virtual: false }, undefined, false],
    [{ model: "VM", virtual: true, virtualHost: "KVM" }, "KVM", false],
    [{ model: "VM", virtual: true }, "unnamed", false],
    [{ model: "Docker Container", virtual: true }, undefined, true],
    [{ model: "Docker Container", virtual: true, virtualHost: "KVM" }, "KVM", true],
  ])("takes %o for hypervisor %s, container %s", async (machine, virtualization, container) => {
    const found = await readInventory(sources({ system: async () => machine }));
    expect([found.virtualization, found.container]).toEqual([virtualization, container]);
  });

  it.each(["/.dockerenv", "/run/.containerenv"])(
    "takes %s for a container's mark",
    async (mark) => {
      const exists = (path: string) => path === mark;
      expect((await readInventory(sources({ exists }))).container).toBe(true);
    },
  );

  it("writes a hostile machine name so that it can be shown", async () => {
    const evil = { model: "x", virtual: true, virtualHost: "\u001b[31m" };
    const found = await readInventory(sources({ system: async () => evil }));
    expect(found.virtualization).toBe("\\u{1b}[31m");
  });

  it("of this machine agrees with what Node knows", async () => {
    const found = await readInventory();
    expect(found).toMatchObject({
      kernel: release(),
      cpuThreads: cpus().length,
      memoryTotalBytes: totalmem(),
    });
    expect(found.networkInterfaces?.length).toBeGreaterThan(0);
  });
});
