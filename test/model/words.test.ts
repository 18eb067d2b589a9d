import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  formatDuration,
  formatWholeDuration,
  parseDuration,
  parseSize,
} from "../../src/model/duration.ts";
import { counterDifference } from "../../src/model/energy.ts";
import { AssayError, BAD_INPUT, ERRORS, FAILED } from "../../src/model/errors.ts";
import { OWNER_KINDS, ownerKey, parseOwnerKey } from "../../src/model/owner.ts";
import { sanitize } from "../../src/model/text.ts";

describe("durations and sizes", () => {
  it.each(["5constructor", "5 toString", "5 valueOf"])("%s has a word for no unit", (text) => {
    expect([parseDuration(text), parseSize(text)]).toEqual([undefined, undefined]);
  });

  it("need a unit", () => {
    expect([parseDuration("1.5h"), parseDuration("250ms"), parseDuration("7d")]).toEqual([
      5_400_000, 250, 604_800_000,
    ]);
    expect([parseDuration("10"), parseDuration("10 parsecs"), parseDuration("")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([parseSize("1KiB"), parseSize("1kB"), parseSize("1")]).toEqual([1024, 1000, undefined]);
  });

  it("are shown by their two largest parts", () => {
    expect(formatDuration(93_784_000)).toBe("1 d 2 h");
    expect(formatDuration(61_000)).toBe("1 min 1 s");
    expect(formatDuration(999)).toBe("999 ms");
  });

  it("are shown whole where the length is the statement", () => {
    expect(formatWholeDuration(194_380_000)).toBe("2 d 5 h 59 min 40 s");
    expect(formatWholeDuration(1_250)).toBe("1 s 250 ms");
    expect(formatWholeDuration(0)).toBe("0 ms");
  });
});

describe("an energy counter", () => {
  it("says nothing when it went back, and nothing used when it stood still", () => {
    expect(counterDifference(10, 12.5)).toBe(2500);
    expect(counterDifference(10, 10)).toBe(0);
    expect(counterDifference(10, 9.999)).toBeUndefined();
  });
});

describe("an owner's key", () => {
  it("names every kind, and leads back to the owner, colons in the id included", () => {
    for (const kind of OWNER_KINDS) {
      const owner = { kind, id: "a:b" };
      expect(parseOwnerKey(ownerKey(owner))).toEqual(owner);
    }
    expect(parseOwnerKey("idle")).toEqual({ kind: "idle", id: "" });
    expect(parseOwnerKey("nobody:x")).toBeUndefined();
  });
});

describe("a string from an observed process", () => {
  it("cannot move the cursor, reverse the text or run on for ever", () => {
    expect(sanitize("a\u001b[2Jb\u202ec\nd")).toBe("a\\u{1b}[2Jb\\u{202e}c\\u{a}d");
    expect(sanitize("x".repeat(1000), 10)).toBe(`${"x".repeat(10)}…`);
    expect(sanitize("plain äöü 日本")).toBe("plain äöü 日本");
  });
});

describe("errors", () => {
  it("are all in docs/errors.md, and nothing else is", () => {
    const text = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
    const documented = [...text.matchAll(/^\| `([a-z]+\/[a-z-]+)` \|/gm)].map((match) => match[1]);
    expect(documented.sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it("say code, place and hint, and exit with 2 for bad input, 1 for a failure", () => {
    const error = new AssayError("recording/empty", "no line", {
      place: "a.ndjson",
      hint: "record",
    });
    expect(error.report()).toBe("error recording/empty: no line\n  at a.ndjson\n  hint: record");
    expect(error.exitCode).toBe(BAD_INPUT);
    expect(new AssayError("probe/crashed", "died").exitCode).toBe(FAILED);
  });
});
