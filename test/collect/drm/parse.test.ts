import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseDebugClients,
  parseDpmClockMHz,
  parseKfdNode,
  parseMetricsEnergy,
  parsePowerLimitWatts,
  parseUevent,
} from "../../../src/collect/drm/parse.ts";
import { metricsTable } from "./tree.ts";

describe("the card's uevent", () => {
  const lines = (driver: string, slot: string, id: string) =>
    `DRIVER=${driver}\nPCI_ID=${id}\nPCI_SLOT_NAME=${slot}\n`;

  it.each([
    ["amdgpu", "0000:03:00.0", "1002:744C", true],
    ["xe", "10000:e1:00.0", "8086:E20B", true],
    ["nvidia", "0000:03:00.0", "10DE:2330", false],
    ["amdgpu", "0000:03:00", "1002:744C", false],
    ["amdgpu", "0000:03:00.0", "1002", false],
    ["amdgpu_xcp", "0000:03:00.0", "1002:744C", false],
  ])("of %s at %s with id %s names a card that is read: %s", (driver, slot, id, isRead) => {
    expect(parseUevent(lines(driver, slot, id)) !== undefined).toBe(isRead);
  });
});

describe("the energy in the metrics table", () => {
  const STEPS = 65_536n * 12n;

  it.each([
    [4, 288, 24, "1.4"],
    [5, 360, 88, "1.5"],
    [6, 1664, 16, "1.6"],
    [7, 2208, 24, "1.7"],
    [8, 3872, 24, "1.8"],
  ])("of revision 1.%s is in steps of 2^-16 joules", (revision, bytes, at, name) => {
    expect(parseMetricsEnergy(metricsTable(revision, bytes, at, STEPS))).toEqual({
      joules: 12,
      revision: name,
    });
  });

  it.each([
    ["a revision without a documented unit", metricsTable(3, 120, 24, STEPS)],
    ["a revision that is a list", metricsTable(9, 288, 24, STEPS)],
    ["another length", metricsTable(4, 296, 24, STEPS)],
    ["a table of a processor", metricsTable(4, 288, 24, STEPS).fill(2, 2, 3)],
    ["ones", metricsTable(4, 288, 24, 2n ** 64n - 1n)],
    ["a table that breaks off", metricsTable(4, 288, 24, STEPS).subarray(0, 287)],
    ["nothing", new Uint8Array()],
  ])("is not read from %s", (_, table) => {
    expect(parseMetricsEnergy(table)).toBeUndefined();
  });

  it("is read from any bytes without a throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(parseMetricsEnergy(bytes)?.joules ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("a clock's levels", () => {
  it.each([
    ["0: 500Mhz\n1: 2371Mhz *\n", 2371],
    ["0: 500Mhz *\n", 500],
    ["S: 19Mhz *\n0: 500Mhz\n", 19],
    ["0: 500Mhz\n1: 2371Mhz\n", undefined],
    ["1: 65535Mhz *\n", undefined],
    ["*", undefined],
  ])("%j say %s MHz", (text, clock) => {
    expect(parseDpmClockMHz("smClockMHz", text)).toBe(clock);
  });
});

describe("a power limit", () => {
  it.each([
    ["339000000\n", 339],
    ["0\n", undefined],
    ["-1\n", undefined],
    ["none\n", undefined],
  ])("%j is %s W", (text, watts) => {
    expect(parsePowerLimitWatts(text)).toBe(watts);
  });
});

describe("a node of ROCm's driver", () => {
  it.each([
    ["5123", "location_id 49408\ndomain 0\n", "0000:c1:00"],
    ["5123", "location_id 768\n", "0000:03:00"],
    // The third partition of a card, by the newer and the older way of numbering them.
    ["5123", "location_id 805355776\ndomain 1\n", "0001:c1:00"],
    ["5123", "location_id 49411\ndomain 1\n", "0001:c1:00"],
    ["0", "location_id 0\n", undefined],
    ["5123", "domain 0\n", undefined],
    ["", "location_id 768\n", undefined],
  ])("%j with %j is at %s", (gpuId, properties, location) => {
    expect(parseKfdNode(gpuId, properties)?.location).toBe(location);
  });
});

describe("the kernel's list of a card's users", () => {
  it("names each process once, whatever it calls itself", () => {
    const text = [
      "             command  tgid dev master a   uid      magic",
      "      systemd-logind   987   0   y    y     0          0",
      "          a 1 y y b  4242 128   n    n  1000          0",
      "          a 1 y y b  4242 128   n    n  1000          0",
    ].join("\n");
    expect(parseDebugClients(text)).toEqual([987, 4242]);
  });

  it.each(["", "nothing of the kind", "x 1 2 y"])("%j names nobody", (text) => {
    expect(parseDebugClients(text)).toEqual([]);
  });
});
