import { describe, expect, it } from "vitest";
import { sameWork } from "../../src/classify/continuity.ts";

const held = (memUsedShare: number | undefined, ...holders: string[]) => ({
  memUsedShare,
  holders: holders.length > 0 ? new Set(holders) : undefined,
});

describe("two neighbouring windows", () => {
  it.each([
    ["the same processes and memory", held(0.5, "1 a", "2 b"), held(0.51, "2 b", "1 a"), true],
    ["another process", held(0.5, "1 a"), held(0.5, "2 b"), false],
    ["one process more", held(0.5, "1 a"), held(0.5, "1 a", "2 b"), false],
    ["a reused pid", held(0.5, "1 a"), held(0.5, "1 b"), false],
    ["memory that was taken", held(0.5, "1 a"), held(0.521, "1 a"), false],
    ["memory just within the bound", held(0.5), held(0.519), true],
    ["nobody who looked, and the same memory", held(0.5), held(0.5), true],
    ["one of them looked", held(0.5), held(0.5, "1 a"), true],
    ["nothing measured", held(undefined), held(undefined), true],
  ])("with %s", (_, one, other, same) => {
    expect(sameWork(one, other)).toBe(same);
    expect(sameWork(other, one)).toBe(same);
  });
});
