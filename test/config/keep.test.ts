import { describe, expect, it } from "vitest";
import { ageMs } from "../../src/config/keep.ts";
import { parseConfig } from "../../src/config/load.ts";

const DAY_MS = 86_400_000;
const keep = (text: string) => parseConfig(`ledger: {keep: {${text}}}\n`, "c.yaml").ledger.keep;

describe("how long the ledger keeps what", () => {
  it("takes a day and more, and forever", () => {
    expect(keep("")).toEqual({ detail: "90d", segments: "400d", outbox: "30d" });
    expect(keep("detail: 1d, segments: 24h, outbox: 1d").detail).toBe("1d");
    expect(keep("detail: forever, segments: forever, outbox: forever").detail).toBe("forever");
  });

  it("refuses less than a day, no duration and an unknown setting", () => {
    for (const text of ["detail: 23h", "outbox: 0d", "segments: never", "detail: 90", "hours: 1d"])
      expect(() => keep(text)).toThrow(/keep/);
  });

  it("refuses segments that are gone before the detail they are made of", () => {
    expect(() => keep("detail: 90d, segments: 89d")).toThrow(/keep\.segments.*not be shorter/s);
    expect(() => keep("detail: forever, segments: 400d")).toThrow(/not be shorter/);
    expect(keep("detail: 90d, segments: 90d").segments).toBe("90d");
  });

  it("says them in milliseconds", () => {
    expect([ageMs("1d"), ageMs("36h"), ageMs("forever")]).toEqual([DAY_MS, 1.5 * DAY_MS, Infinity]);
  });
});
