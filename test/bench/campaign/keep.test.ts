import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fitting, keep, MOST_BYTES } from "../../../bench/campaign/keep.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const bytes = (size: number): string => "x".repeat(size);

function keepings(...sizes: number[]): { file: string; name: string }[][] {
  const folder = temporaryFolder("from");
  return sizes.map((size, i) => {
    const file = join(folder, String(i));
    writeFileSync(file, bytes(size));
    return [{ file, name: `gpu.${i}.ndjson.gz` }];
  });
}

describe("what is kept of a campaign", () => {
  it("is all that fits, up to the very byte", () => {
    expect(fitting([10, 20, 30], 40, 100)).toBe(3);
    expect(fitting([10, 20, 30], 41, 100)).toBe(2);
    expect(fitting([10], 100, 100)).toBe(0);
    expect(MOST_BYTES).toBe(30_000_000);
  });

  it("drops the least worthy first, however small they are", () => {
    expect(fitting([10, 90, 1], 0, 100)).toBe(2);
    expect(fitting([10, 91, 1], 0, 100)).toBe(1);
  });

  it("counts what lies there already, replaces its own, and leaves the rest alone", () => {
    const folder = join(temporaryFolder("to"), "recordings");
    mkdirSync(folder);
    writeFileSync(join(folder, "README.md"), bytes(50));
    const said = keep(folder, keepings(20, 20, 20), 100);
    expect(said).toContain("kept 2");
    expect(said).toContain("1 of least worth left out");
    expect(readdirSync(folder).sort()).toEqual(["README.md", "gpu.0.ndjson.gz", "gpu.1.ndjson.gz"]);
    // The same again, larger: what no longer fits goes, and is not counted twice.
    expect(keep(folder, keepings(30, 30, 20), 100)).toContain("kept 1");
    expect(readdirSync(folder).sort()).toEqual(["README.md", "gpu.0.ndjson.gz"]);
  });
});
