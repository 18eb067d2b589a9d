import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { BenchReport } from "../../src/cli/bench/report.ts";
import { KERNELS } from "../../src/probe/kernels/all.ts";
import { elementsOf } from "../plot/svg.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { assay, start, tempDir } from "./support/assay.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
/** Enough for one launch. */
const SHORT = ["--seconds", "0.01"];
/** A CPU that plays GPU, beside other tests. */
const BUSY = { timeout: 120_000 };
const ONE = ["bench", "--kernels", "matmul-f32", ...SHORT];

describe.skipIf(why !== undefined)(`assay bench on the software adapter${skipped}`, BUSY, () => {
  let env: Record<string, string>;
  beforeAll(async () => {
    // What it remembers goes nowhere near the state of whoever runs the tests.
    env = {
      ...(await softwareAdapter()).environment,
      STATE_DIRECTORY: temporaryFolder("bench-state"),
    };
  });

  it("measures a kernel and says SOFTWARE wherever a figure shows", async () => {
    const { code, stdout, stderr } = await assay([...ONE, "--adapter", "SwiftShader"], env);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^matmul-f32 +[\d.]+ [kMGT]?FLOP\/s .* SOFTWARE$/m);
    expect(stdout).toMatch(/^f32\?: its ceiling was not measured/m);
    expect(stdout).toMatch(/^adapter +swiftshader.*SOFTWARE: a CPU plays GPU here/m);
    expect(stdout).toMatch(/^driver +SwiftShader driver/m);
    expect(stderr).toMatch(/^matmul-f32 \(SOFTWARE\): verify measure - [\d.]+ [kMGT]?FLOP\/s$/m);
  });

  it("prints what its schema describes, and draws it", async () => {
    const svg = join(tempDir(), "roofline.svg");
    const { code, stdout } = await assay([...ONE, "--json", "--svg", svg], env);
    expect(code).toBe(0);
    const report = BenchReport.parse(JSON.parse(stdout));
    expect(report).toMatchObject({ software: true, stopped: false, ceilings: [] });
    expect(report.adapter.description).toMatch(/SwiftShader/);
    const [kernel] = report.kernels;
    if (kernel?.outcome !== "measured") throw new Error(stdout);
    expect(kernel.ratePerSecond).toBeGreaterThan(0);
    expect(kernel.gpuSeconds).toBeGreaterThan(0);

    const picture = readFileSync(svg, "utf8");
    elementsOf(picture);
    expect(picture).toMatch(/>Roofline of swiftshader.* \(SOFTWARE\)</);
    expect(picture).toContain(">matmul-f32<");
  });

  it("ends on Ctrl-C with what there is, and without a picture of nothing", async () => {
    const svg = join(tempDir(), "roofline.svg");
    const args = ["bench", "--kernels", "matmul-f32", "--seconds", "600", "--svg", svg];
    const program = start(args, env);
    await program.says("stderr", /: verify/);
    program.kill("SIGINT");
    const { code, stdout, stderr } = await program.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/ - stopped\n$/);
    expect(stdout).toMatch(/^nothing was measured\n\nmatmul-f32 \(SOFTWARE\): not measured/);
    expect(stdout).toMatch(/^stopped before the end/m);
    expect(existsSync(svg)).toBe(false);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "ends on %s with code 0, though another comes with it, as from timeout or npm",
    async (signal) => {
      const svg = join(tempDir(), "roofline.svg");
      const args = ["bench", "--kernels", "matmul-f32", "--seconds", "600", "--svg", svg];
      const program = start(args, env);
      await program.says("stderr", /: verify/);
      program.kill(signal);
      // Another one: two of a kind that are not yet delivered are one.
      program.kill(signal === "SIGINT" ? "SIGTERM" : "SIGINT");
      const { code, signal: killedBy, stderr } = await program.ended;
      expect({ code, killedBy }).toEqual({ code: 0, killedBy: null });
      expect(stderr).toMatch(/ - stopped\n$/);
      expect(readdirSync(join(svg, ".."))).toEqual([]);
    },
  );

  it("names the adapters that there are where none is named so", async () => {
    const { code, stdout, stderr } = await assay([...ONE, "--adapter", "H900"], env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      /^error cli\/usage: no adapter is named "H900"\n {2}at --adapter\n {2}hint: there is: .*'SwiftShader Device/m,
    );
  });
});

describe("assay bench", () => {
  it.skipIf(why !== undefined)(`says what is missing for an adapter${skipped}`, async () => {
    const svg = join(tempDir(), "none.svg");
    const none = {
      VK_DRIVER_FILES: "/nonexistent/icd.json",
      VK_ICD_FILENAMES: "/nonexistent/icd.json",
    };
    const { code, stdout, stderr } = await assay([...ONE, "--svg", svg], none);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error probe\/unavailable: .*\n {2}hint: ./m);
    expect(existsSync(svg)).toBe(false);
  });

  it("lists the kernels, or those of a family, without a device", async () => {
    const { code, stdout, stderr } = await assay(["bench", "--list"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    for (const { name, purpose } of KERNELS) {
      const line = lines.find((each) => each.startsWith(`${name} `));
      expect(line).toContain(purpose);
    }
    const listed = await assay(["bench", "--list", "--json", "--kernels", "hash"]);
    const names = z.array(z.looseObject({ name: z.string(), family: z.literal("hash") }));
    expect(names.parse(JSON.parse(listed.stdout)).map(({ name }) => name)).toContain("sha256d");
  });

  it.each([
    [
      ["--kernels", "sha255d"],
      /"sha255d" is no kernel and no family\n {2}at --kernels\n {2}hint: sha256d\? kernels: .*, sha256d, /,
    ],
    [["--kernels", ""], /"" is no kernel/],
    [["--seconds", "0"], /"0" is no time to measure\n {2}at --seconds\n {2}hint: .* 600 at most/],
    [["--seconds", "-1"], /"-1" is no time/],
    [["--seconds", "601"], /"601" is no time/],
    [["--seconds", "0x10"], /"0x10" is no time/],
    [["--seconds", "soon"], /"soon" is no time/],
    [["--seconds", ""], /"" is no time/],
    [["--adapter", ""], /that is no adapter's name\n {2}at --adapter/],
    [["--adapter", "x".repeat(257)], /that is no adapter's name/],
    [
      ["--svg", "/nonexistent/x.svg"],
      /the picture cannot be written\n {2}at \/nonexistent\/x\.svg/,
    ],
    [["--svg", "/tmp", "--force"], /the picture cannot be written\n {2}at \/tmp/],
  ])("refuses %j before it looks for a device", async (args, message) => {
    const { code, stdout, stderr } = await assay(["bench", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error cli\/usage: /);
    expect(stderr).toMatch(message);
  });

  it("does not touch a picture that is there, unless it is forced and there is another", async () => {
    const svg = join(tempDir(), "precious.svg");
    writeFileSync(svg, "precious");
    const refused = await assay([...ONE, "--svg", svg]);
    expect(refused.stderr).toMatch(
      /^error cli\/usage: the picture's file is there already\n.*\n {2}hint: .*--force/m,
    );
    const none = {
      VK_DRIVER_FILES: "/nonexistent/icd.json",
      VK_ICD_FILENAMES: "/nonexistent/icd.json",
    };
    await assay([...ONE, "--svg", svg, "--force"], none);
    expect(readFileSync(svg, "utf8")).toBe("precious");
  });
});
