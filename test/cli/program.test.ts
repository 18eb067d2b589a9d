import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { secondsOf } from "../../src/cli/seconds.ts";
import { assay, start, tempDir } from "../e2e/support/assay.ts";

async function program(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  const code = await runProgram(["node", "assay", ...args], {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    env: {},
    signal: AbortSignal.abort(),
    nowMs: () => 0,
  });
  return { code, stdout, stderr };
}

describe("an empty path", () => {
  it.each(["run", "calibrate", "bench", "report", "doctor"])(
    "is no state directory for %s",
    async (command) => {
      for (const empty of ["", " "]) {
        const { code, stdout, stderr } = await program(command, "--state-dir", empty);
        expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
        expect(stderr).toMatch(/^error cli\/usage: .*\n {2}at --state-dir\n {2}hint: ./);
      }
    },
  );

  it.each([["run"], ["calibrate"], ["record", "x.ndjson"], ["report"], ["doctor"]])(
    "is no configuration for %s",
    async (...command) => {
      for (const option of [["--config", ""], ["--config="], ["-c", ""]]) {
        const { code, stdout, stderr } = await program(...command, ...option);
        expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
        expect(stderr).toMatch(/^error cli\/usage: .*\n {2}at --config\n {2}hint: ./);
      }
    },
  );

  it("is the only one that is refused so", async () => {
    const { stderr } = await assay(["report", "--state-dir", join(tempDir(), "none")]);
    expect(stderr).toMatch(/^error ledger\/missing/);
  });
});

describe("a time to measure", () => {
  it.each([
    ["0.01", 0.01],
    [".5", 0.5],
    ["2.", 2],
    ["600", 600],
  ])("may be %s", (text, seconds) => {
    expect(secondsOf(text)).toBe(seconds);
  });

  it.each([
    "0x10",
    "1e-9",
    "1e2",
    "0.009",
    "0",
    "-1",
    "+1",
    " 1",
    "1 ",
    "",
    ".",
    "600.1",
    "NaN",
    "Infinity",
    "1s",
    "1_0",
  ])("is not %j", (text) => {
    expect(() => secondsOf(text)).toThrow(
      expect.objectContaining({
        code: "cli/usage",
        place: "--seconds",
        hint: expect.stringMatching(/0\.01 at least, 600 at most/),
      }),
    );
  });
});

describe.skipIf(process.platform !== "linux")("a state directory under /proc (needs Linux)", () => {
  it.each(["/proc/nope", "/proc/nope/deeper"])("cannot be written: %s", async (stateDir) => {
    const args = ["run", "--demo", "--state-dir", stateDir, "--listen", "127.0.0.1:0"];
    const { code, stderr } = await assay(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error ledger\/read-only: .*\n {2}at \/proc\/nope.*\n {2}hint: /);
  });
});

describe("a hung-up terminal", () => {
  it("ends the daemon in order, as SIGTERM does", async () => {
    const stateDir = join(tempDir(), "state");
    const args = ["run", "--live", "--state-dir", stateDir, "--listen", "127.0.0.1:0"];
    const daemon = start(args);
    await daemon.address();
    daemon.kill("SIGHUP");
    expect(await daemon.ended).toMatchObject({ code: 0, signal: null });
  });
});
