import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseApps } from "../../../src/collect/nvidia-smi/apps.ts";
import { initialColumns, withoutColumn } from "../../../src/collect/nvidia-smi/columns.ts";
import {
  isMissing,
  parseAppRow,
  parseHeader,
  parseList,
  parseNumber,
  parseRow,
} from "../../../src/collect/nvidia-smi/parse.ts";
import { GPU_QUANTITIES } from "../../../src/model/sample.ts";

const HEADER =
  "index, uuid, utilization.gpu [%], memory.used [MiB], power.draw [W], temperature.gpu, clocks.current.sm [MHz], clocks_event_reasons.active";
const header = (line = HEADER) => {
  const parsed = parseHeader(line, ["index", "uuid"]);
  if (!parsed) throw new Error("no header");
  return parsed;
};
const readings = (row: string, line = HEADER) => parseRow(row, header(line))?.readings;

describe("a header line", () => {
  it("names the columns without their units", () => {
    expect(header("index, uuid, power.draw [W]")).toEqual([
      { name: "index", unit: undefined },
      { name: "uuid", unit: undefined },
      { name: "power.draw", unit: "W" },
    ]);
  });

  it.each(["", "No devices were found", "index, power.draw [W]", "0, GPU-0, 5"])(
    "is none where a column that must be there is not: %s",
    (line) => {
      expect(parseHeader(line, ["index", "uuid"])).toBeUndefined();
    },
  );
});

describe("a row", () => {
  it("is read by the names of the columns, whatever their order", () => {
    const line = "power.draw [W], uuid, utilization.gpu [%], index";
    expect(parseRow("250.5, GPU-1, 50, 3", header(line))).toMatchObject({
      index: 3,
      uuid: "GPU-1",
      readings: { powerWatts: 250.5, gpuUtil: 0.5 },
    });
  });

  it.each([
    ["[N/A]"],
    ["N/A"],
    ["[Not Supported]"],
    ["[Not Found]"],
    ["[Unknown Error]"],
    ["[GPU requires reset]"],
    ["[Insufficient Permissions]"],
    ["[GPU is lost]"],
    ["[Function Not Found]"],
    ["ERR!"],
    ["Unknown Error"],
    [""],
  ])("has no readings where every cell is %s", (cell) => {
    expect(isMissing(cell)).toBe(true);
    expect(readings(`0, GPU-0${`, ${cell}`.repeat(6)}`)).toEqual({});
  });

  it("keeps a zero, which is a finding", () => {
    expect(readings("0, GPU-0, 0, 0, 0.00, 0, 0, 0x0000000000000000")).toEqual({
      gpuUtil: 0,
      memUsedBytes: 0,
      powerWatts: 0,
      tempC: 0,
      smClockMHz: 0,
      clockEventReasons: 0,
    });
  });

  it.each([
    ["utilization.gpu [%]", "100", 1],
    ["utilization.gpu [%]", "101", undefined],
    ["utilization.gpu [%]", "-1", undefined],
    ["power.draw [W]", "100000", 100_000],
    ["power.draw [W]", "100001", undefined],
    ["power.draw [W]", "-0.01", undefined],
    ["temperature.gpu", "-60", -60],
    ["temperature.gpu", "-61", undefined],
    ["temperature.gpu", "251", undefined],
    ["clocks.current.sm [MHz]", "100001", undefined],
    ["clocks_event_reasons.active", "0x0000000000000044", 0x44],
    ["clocks_event_reasons.active", "0xFFFFFFFFFFFFFFFF", undefined],
    ["clocks_event_reasons.active", "Not Active", undefined],
    ["memory.used [MiB]", "12 MiB", undefined],
    ["memory.used [MiB]", "1e3", undefined],
  ])("with %s of %s reads %s", (column, cell, value) => {
    const row = readings(`0, GPU-0, ${cell}`, `index, uuid, ${column}`);
    expect(Object.values(row ?? {})).toEqual(value === undefined ? [] : [value]);
  });

  it("says nothing in a unit that was not asked for", () => {
    expect(readings("0, GPU-0, 250", "index, uuid, power.draw [W]")).toEqual({ powerWatts: 250 });
    expect(readings("0, GPU-0, 250", "index, uuid, power.draw [mW]")).toEqual({});
  });

  it("takes the power right now before the average, and that where there is no other", () => {
    const line = "index, uuid, power.draw [W], power.draw.instant [W]";
    expect(readings("0, GPU-0, 100, 200", line)).toEqual({ powerWatts: 200 });
    expect(readings("0, GPU-0, 100, [N/A]", line)).toEqual({ powerWatts: 100 });
    expect(parseRow("0, GPU-0, 100, [N/A]", header(line))?.columns.powerWatts).toBe("power.draw");
  });

  it.each([
    "0, GPU-0, 1",
    `${"0, GPU-0, 1, 2, 3, 4, 5, 0x0"}, 9`,
    "x, GPU-0, 1, 2, 3, 4, 5, 0x0",
    "0, [N/A], 1, 2, 3, 4, 5, 0x0",
    "Unable to determine the device handle for GPU3: 0000:5F:00.0: Unknown Error",
  ])("is none where a cell is missing, one too many, or the GPU not named: %s", (line) => {
    expect(parseRow(line, header())).toBeUndefined();
    expect(parseRow("0, GPU-0, 1, 2, 3, 4, 5, 0x0", header())).toBeDefined();
  });

  it("of any text is read without a throw, into values that can be true", () => {
    const cell = fc.oneof(
      fc.integer().map(String),
      fc.double().map(String),
      fc.string({ maxLength: 20 }),
      fc.constantFrom("[N/A]", "0x44", '"', "\\", "GPU-0", "1e999", "100.5"),
    );
    const line = fc.array(cell, { maxLength: 10 }).map((cells) => cells.join(", "));
    fc.assert(
      fc.property(fc.oneof(line, fc.string()), (text) => {
        const row = parseRow(text, header());
        parseHeader(text, ["index"]);
        parseAppRow(text, header());
        for (const [quantity, value] of Object.entries(row?.readings ?? {})) {
          expect(GPU_QUANTITIES).toContain(quantity);
          expect(value).toSatisfy(Number.isFinite);
          if (quantity !== "tempC") expect(value).toBeGreaterThanOrEqual(0);
          if (quantity.endsWith("Util")) expect(value).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("gives back every reading that is written as nvidia-smi writes it", () => {
    const percent = fc.integer({ min: 0, max: 100 });
    const row = fc.record({ util: percent, mib: fc.nat(200_000), centiwatts: fc.nat(150_000) });
    fc.assert(
      fc.property(row, ({ util, mib, centiwatts }) => {
        const power = (centiwatts / 100).toFixed(2);
        const found = readings(`0, GPU-0, ${util}, ${mib}, ${power}, [N/A], [N/A], [N/A]`);
        expect(found?.gpuUtil).toBeCloseTo(util / 100, 12);
        expect(found?.memUsedBytes).toBe(mib * 1024 * 1024);
        expect(found?.powerWatts).toBeCloseTo(centiwatts / 100, 9);
      }),
    );
  });
});

describe("a number", () => {
  it.each([
    ["12", 12],
    ["-3", -3],
    ["0.50", 0.5],
    ["0x1F", 31],
    ["+5", undefined],
    [".5", undefined],
    ["Infinity", undefined],
    ["0x", undefined],
    ["1,5", undefined],
  ])("%s is %s", (cell, value) => {
    expect(parseNumber(cell)).toBe(value);
  });
});

describe("the list of GPUs", () => {
  it("has the MIG devices below their GPU, in both forms of their UUIDs", () => {
    const lines = [
      "GPU 0: NVIDIA A100 (UUID: X) (UUID: GPU-a)",
      "  MIG 1g.5gb      Device  0: (UUID: MIG-b)",
      "  MIG 3g.20gb Device 12: (UUID: MIG-GPU-a/1/0)",
      "some message",
      "GPU 1: Tesla T4 (UUID: GPU-c)",
    ];
    expect(parseList(lines)).toEqual([
      {
        index: 0,
        model: "NVIDIA A100 (UUID: X)",
        uuid: "GPU-a",
        migs: [
          { number: 0, profile: "1g.5gb", uuid: "MIG-b" },
          { number: 12, profile: "3g.20gb", uuid: "MIG-GPU-a/1/0" },
        ],
      },
      { index: 1, model: "Tesla T4", uuid: "GPU-c", migs: [] },
    ]);
  });

  it("is empty where nothing is listed, and passes over a MIG device of no GPU", () => {
    expect(parseList(["No devices found.", "  MIG 1g.5gb Device 0: (UUID: MIG-b)"])).toEqual([]);
  });
});

describe("the list of processes", () => {
  const lines = ["gpu_uuid, pid, used_gpu_memory [MiB]", "GPU-0, 7, 5"];

  it("is whole where the run ended well", () => {
    expect(parseApps({ complete: true, lines })?.rows).toHaveLength(1);
    expect(parseApps({ complete: false, lines })).toBeUndefined();
  });

  it("is read past what is printed before the header", () => {
    expect(parseApps({ complete: true, lines: ["a warning", ...lines] })?.rows).toHaveLength(1);
  });
});

describe("the columns asked for", () => {
  it("get shorter with each one the driver refuses, until none is left to leave out", () => {
    const asked = initialColumns();
    expect(withoutColumn(asked, "utilization.ofa")).toEqual(
      asked.filter((name) => name !== "utilization.ofa"),
    );
    expect(withoutColumn(asked, "never.asked.for")).toBeUndefined();
    expect(withoutColumn(asked, "uuid")).toBeUndefined();
  });

  it("swap an unknown name for its older one, once", () => {
    const swapped = withoutColumn(initialColumns(), "clocks_event_reasons.active") ?? [];
    expect(swapped).toContain("clocks_throttle_reasons.active");
    expect(withoutColumn(swapped, "clocks_throttle_reasons.active")).not.toContain(
      "clocks_throttle_reasons.active",
    );
  });
});
