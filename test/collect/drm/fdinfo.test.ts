import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFdInfo, type DrmClient } from "../../../src/collect/drm/fdinfo.ts";

const HEAD = ["drm-driver:\tamdgpu", "drm-pdev:\t0000:03:00.0", "drm-client-id:\t7"];

function client(...lines: string[]): DrmClient | undefined {
  const info = parseFdInfo([...HEAD, ...lines].join("\n"));
  return info.kind === "client" ? info.client : undefined;
}

describe("fdinfo", () => {
  it("of amdgpu counts time by engine and memory by place", () => {
    const read = client(
      "pasid:\t32784",
      "drm-memory-vram:\t2068 KiB",
      "drm-memory-gtt: \t8192 KiB",
      "drm-engine-gfx:\t107322799 ns",
      "drm-engine-enc_1:\t5 ns",
    );
    expect(read).toEqual({
      driver: "amdgpu",
      slot: "0000:03:00.0",
      key: "0000:03:00.0/7",
      memoryBytes: 2068 * 1024,
      engines: new Map([
        ["enc_1", { busyNs: 5, capacity: 1 }],
        ["gfx", { busyNs: 107_322_799, capacity: 1 }],
      ]),
    });
  });

  it("of xe counts cycles, and says of how many engines", () => {
    const read = client(
      "drm-total-vram0:\t23992 KiB",
      "drm-shared-vram0:\t16 MiB",
      "drm-resident-vram0:\t23 MiB",
      "drm-resident-gtt:\t192 KiB",
      "drm-cycles-ccs:\t10",
      "drm-total-cycles-ccs:\t7655183225",
      "drm-engine-capacity-ccs:\t4",
      "drm-cycles-rcs:\t28257900",
    );
    expect(read?.engines).toEqual(
      new Map([["ccs", { busyCycles: 10, totalCycles: 7_655_183_225, capacity: 4 }]]),
    );
    expect(read?.memoryBytes).toBe(23 * 1024 ** 2);
  });

  it.each([
    ["4096", 4096],
    ["4 KiB", 4096],
    ["1 MiB", 1024 ** 2],
    ["0", 0],
    ["4 GiB", undefined],
    ["-4 KiB", undefined],
    ["4.5 KiB", undefined],
    ["99999999999999999999 MiB", undefined],
    ["", undefined],
  ])("gives memory of %j as %s bytes", (text, bytes) => {
    expect(client(`drm-resident-vram:\t${text}`)?.memoryBytes).toBe(bytes);
  });

  it.each([
    [["resident-vram: 1", "memory-vram: 2", "total-vram: 3"], 1],
    [["memory-vram: 2", "total-vram: 3"], 2],
    [["total-vram: 3"], 3],
    [["resident-local0: 1", "resident-local1: 5"], 6],
    [["resident-system0: 9", "resident-stolen-local0: 9", "memory-cpu: 9"], undefined],
  ])("of %j counts what is resident on the card: %s", (lines, bytes) => {
    expect(client(...lines.map((line) => `drm-${line}`))?.memoryBytes).toBe(bytes);
  });

  it.each([
    ["drm-engine-gfx: 5 ns", 1],
    ["drm-engine-gfx: 5", 0],
    ["drm-engine-gfx: 5 ms", 0],
    ["drm-engine-gfx: -5 ns", 0],
    ["drm-engine-gfx: 5 ns\ndrm-engine-gfx: 5 ns", 1],
    ["drm-engine-gfx: 5 ns\ndrm-engine-gfx: 6 ns", 0],
    ["drm-engine-gfx: 5 ns\ndrm-engine-capacity-gfx: 2", 1],
    ["drm-engine-gfx: 5 ns\ndrm-engine-capacity-gfx: 0", 0],
    ["drm-cycles-rcs: 5\ndrm-total-cycles-rcs: 9", 1],
    ["drm-cycles-rcs: 5", 0],
    ["drm-cycles-rcs: 5\ndrm-maxfreq-rcs: 100 MHz", 0],
    [Array.from({ length: 100 }, (_, i) => `drm-engine-e${i}: 5 ns`).join("\n"), 32],
  ])("%j counts %s engines", (text, count) => {
    expect(client(text)?.engines.size).toBe(count);
  });

  it.each([
    ["", "unclear"],
    ["pdev:\t0000:03:00.0\nvram mem:\t0 kB", "unclear"],
    ["drm-driver: nouveau\ndrm-client-id: 1", "foreign"],
    ["drm-driver: i915\ndrm-client-id: 1", "unclear"],
    ["drm-driver: i915\ndrm-pdev: 0000:03:00.0", "unclear"],
    ["drm-driver: i915\ndrm-pdev: ../../etc\ndrm-client-id: 1", "unclear"],
    ["drm-driver: i915\ndrm-pdev: 0000:03:00.0\ndrm-client-id: one", "unclear"],
    ["drm-driver: i915\ndrm-pdev: 0000:03:00.0\ndrm-client-id: 1", "client"],
  ])("%j is %s", (text, kind) => {
    expect(parseFdInfo(text).kind).toBe(kind);
  });
});

const value = fc.oneof(
  fc.constantFrom("5 ns", "7", "0", "2 KiB", "3 MiB", "0000:03:00.0", "amdgpu", "xe", "", "x y z"),
  fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String),
);
const line = fc
  .tuple(
    fc.constantFrom("driver", "pdev", "client-id", "client-name", "engine-", "cycles-", "total-"),
    fc.constantFrom("gfx", "rcs", "vram", "capacity-gfx", "cycles-rcs", ""),
    value,
  )
  .map(([key, name, text]) => `drm-${key}${key.endsWith("-") ? name : ""}:\t${text}`);

describe("any fdinfo", () => {
  it("is read without a throw", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(line, { maxLength: 30 }).map((lines) => [...HEAD, ...lines].join("\n")),
    );
    fc.assert(
      fc.property(anything, (text) => {
        const info = parseFdInfo(text);
        if (info.kind !== "client") return;
        const { memoryBytes = 0, engines } = info.client;
        expect(memoryBytes).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(memoryBytes)).toBe(true);
        for (const { busyNs, busyCycles, capacity } of engines.values()) {
          expect(busyNs ?? busyCycles).toBeGreaterThanOrEqual(0);
          expect(capacity).toBeGreaterThanOrEqual(1);
        }
      }),
    );
  });

  it("with too many engines keeps the same ones in any order", () => {
    const lines = Array.from({ length: 40 }, (_, i) => `drm-engine-e${i}: 5 ns`);
    expect(client(...lines)).toEqual(client(...lines.toReversed()));
  });

  it("says the same in any order of its lines", () => {
    const shuffled = fc
      .array(line, { maxLength: 30 })
      .chain((lines) =>
        fc.tuple(fc.constant(lines), fc.shuffledSubarray(lines, { minLength: lines.length })),
      );
    fc.assert(
      fc.property(shuffled, ([lines, others]) => {
        expect(parseFdInfo([...others, ...HEAD].join("\n"))).toEqual(
          parseFdInfo([...HEAD, ...lines].join("\n")),
        );
      }),
    );
  });
});
