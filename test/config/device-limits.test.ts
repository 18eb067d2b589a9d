import { describe, expect, test } from "vitest";
import { loadShippedData } from "../../src/config/data.ts";
import { matchesModel } from "../../src/signature/scale.ts";

const { limits } = loadShippedData();
const limitsOf = (model: string) => limits.find((entry) => matchesModel(entry.model, model));
const withPeaks = limits.filter(({ tensorF16FlopPerSec }) => tensorF16FlopPerSec !== undefined);

describe("the table of public limits", () => {
  test.each(limits)("has figures of a plausible size for $model", (entry) => {
    const { f32FlopPerSec, tensorF16FlopPerSec, memoryBytesPerSec } = entry;
    const within = (value: number | undefined, least: number, most: number) => {
      if (value === undefined) return;
      expect(value).toBeGreaterThanOrEqual(least);
      expect(value).toBeLessThanOrEqual(most);
    };
    expect(entry.boardPowerWatts).toBeGreaterThan(0);
    within(f32FlopPerSec, 5e12, 2e14);
    within(tensorF16FlopPerSec, f32FlopPerSec ?? 5e13, 5e15);
    within(memoryBytesPerSec, 1e11, 1e13);
  });

  test.each(withPeaks)("keeps rates of $model in the proportions of real boards", (entry) => {
    const { f32FlopPerSec, tensorF16FlopPerSec = 0, memoryBytesPerSec } = entry;
    if (f32FlopPerSec) expect(tensorF16FlopPerSec / f32FlopPerSec).toBeLessThan(17);
    if (f32FlopPerSec && memoryBytesPerSec) {
      expect(f32FlopPerSec / memoryBytesPerSec).toBeGreaterThan(5);
      expect(f32FlopPerSec / memoryBytesPerSec).toBeLessThan(150);
    }
  });

  test("is for most models more than power and clock", () => {
    expect(withPeaks.length).toBeGreaterThan(limits.length / 2);
  });

  test("gives no rate to a board that only shares a name with the one it is known of", () => {
    expect(limitsOf("NVIDIA GeForce RTX 4090")?.f32FlopPerSec).toBe(82.6e12);
    expect(limitsOf("NVIDIA GeForce RTX 4090 Laptop GPU")?.f32FlopPerSec).toBeUndefined();
    expect(limitsOf("NVIDIA GeForce RTX 3090 Ti")?.memoryBytesPerSec).toBeUndefined();
    expect(limitsOf("NVIDIA GeForce RTX 3080")?.f32FlopPerSec).toBeUndefined();
  });

  test("tells the two boards of the H200 apart", () => {
    expect(limitsOf("NVIDIA H200")).toMatchObject({ boardPowerWatts: 700, f32FlopPerSec: 67e12 });
    expect(limitsOf("NVIDIA H200 NVL")).toMatchObject({
      boardPowerWatts: 600,
      f32FlopPerSec: 60e12,
    });
  });

  test("has no entry that an earlier one hides", () => {
    for (const [i, entry] of limits.entries()) {
      const name = entry.model.replaceAll("*", "");
      expect(limits.findIndex(({ model }) => matchesModel(model, name))).toBe(i);
    }
  });
});
