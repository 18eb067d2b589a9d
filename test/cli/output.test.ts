import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { putOut } from "../../src/cli/output.ts";
import { AssayError } from "../../src/model/errors.ts";
import { tempDir } from "../e2e/support/assay.ts";

function terminal({ isTerminal = true } = {}) {
  const told: (string | Uint8Array)[] = [];
  const io = {
    stdout: (text: string) => void told.push(text),
    stdoutBytes: (bytes: Uint8Array) => void told.push(bytes),
    stderr: () => undefined,
    isTerminal,
    env: {},
    signal: new AbortController().signal,
    nowMs: () => 0,
  };
  return { io, told };
}

function refusal(act: () => void): AssayError {
  try {
    act();
  } catch (error) {
    if (error instanceof AssayError && error.code === "report/cannot-write") return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const BYTES = new Uint8Array([0, 255, 10]);

describe("a result", () => {
  it("that is text goes to standard output, with and without its name", () => {
    for (const out of [undefined, "-"]) {
      const { io, told } = terminal();
      putOut("text", { out }, io);
      expect(told).toEqual(["text"]);
    }
  });

  it("that is bytes goes to a pipe that is named, and to no terminal", () => {
    const pipe = terminal({ isTerminal: false });
    putOut(BYTES, { out: "-" }, pipe.io);
    expect(pipe.told).toEqual([BYTES]);
    expect(refusal(() => putOut(BYTES, {}, pipe.io)).hint).toContain("--out -");
    const screen = terminal();
    expect(refusal(() => putOut(BYTES, { out: "-" }, screen.io)).place).toBe("standard output");
    expect(screen.told).toEqual([]);
  });

  it("is a file, whole, and nothing beside it", () => {
    const folder = tempDir();
    const out = join(folder, "x.parquet");
    putOut(BYTES, { out }, terminal().io);
    expect(new Uint8Array(readFileSync(out))).toEqual(BYTES);
    refusal(() => putOut("other", { out }, terminal().io));
    expect(new Uint8Array(readFileSync(out))).toEqual(BYTES);
    putOut("other", { out, force: true }, terminal().io);
    expect(readFileSync(out, "utf8")).toBe("other");
    expect(readdirSync(folder)).toEqual(["x.parquet"]);
  });

  it.each([true, false])("has a place and a hint where it cannot be written, force %s", (force) => {
    const folder = tempDir();
    const file = join(folder, "file");
    writeFileSync(file, "");
    mkdirSync(join(folder, "dir"));
    const places = [join(folder, "dir"), "/dev/null", join(folder, "none", "x"), join(file, "x")];
    for (const out of [...places, join(folder, "x".repeat(300))]) {
      const error = refusal(() => putOut("text", { out, force }, terminal().io));
      expect([error.place, error.hint]).toEqual([out, expect.stringMatching(/./)]);
    }
    expect(readdirSync(folder).sort()).toEqual(["dir", "file"]);
  });
});
