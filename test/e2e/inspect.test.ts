import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fileOf } from "../collect/recording/support/files.ts";
import { elementsOf } from "../plot/svg.ts";
import { assay, DEMO, tempDir } from "./support/assay.ts";

const UTF8 = { LC_ALL: "C.UTF-8", TERM: "xterm" };
const PLAIN = { LC_ALL: "C", LANG: "C", TERM: "xterm" };

const summary = z.looseObject({
  simulated: z.boolean(),
  lines: z.int(),
  kinds: z.record(z.string(), z.int()),
  devices: z.array(
    z.looseObject({ samples: z.int(), holes: z.array(z.object({ announced: z.boolean() })) }),
  ),
  warnings: z.array(z.looseObject({ code: z.string() })),
});

describe("assay inspect", () => {
  it("says what the demonstration holds, simulated first", async () => {
    const { code, stdout, stderr } = await assay(["inspect", DEMO], UTF8);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")[1]).toMatch(/SIMULATED/);
    expect(stdout).toMatch(/^lines +3089: recording 1, gpu 2376, processes 474, host 237, gap 1$/m);
    expect(stdout).toMatch(/^ {2}1188 samples, one in 1000 ms/m);
    expect(stdout).toMatch(/^ {2}gpuUtil 0\.0 % +[▁▂▃▄▅▆▇█]+ [▁▂▃▄▅▆▇█]+ 100\.0 %$/m);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([PLAIN, { ...UTF8, TERM: "dumb" }])("keeps to ASCII under %j", async (env) => {
    const { stdout } = await assay(["inspect", DEMO, "--gpu", "1"], env);
    expect(stdout).toMatch(/^[\n\x20-\x7e]+$/);
    expect(stdout).toMatch(/^ {2}gpuUtil 0\.0 % +[_.:=+*#-]+ [_.:=+*#-]+ 100\.0 %$/m);
    expect(stdout).not.toContain("GPU 0 ");
  });

  it("is one JSON object with --json", async () => {
    const { code, stdout } = await assay(["inspect", DEMO, "--json"]);
    expect(code).toBe(0);
    const { simulated, lines, devices } = summary.parse(JSON.parse(stdout));
    expect([simulated, lines]).toEqual([true, 3089]);
    expect(
      devices.map(({ samples, holes }) => [samples, holes.length, holes[0]?.announced]),
    ).toEqual([
      [1188, 1, true],
      [1188, 1, true],
    ]);
  });

  it("draws into a new file, and over an old one only when forced", async () => {
    const file = join(tempDir(), "demo.svg");
    expect((await assay(["inspect", DEMO, "--svg", file])).code).toBe(0);
    const svg = readFileSync(file, "utf8");
    elementsOf(svg);
    expect(svg).toMatch(/>SIMULATED: these figures come from no real device</);
    expect(svg).toContain(">limit 700 W<");
    expect(svg).toMatch(/fill="url\(#announced\)"><title>12\.0 s \(simulated\)/);

    writeFileSync(file, "precious");
    const again = await assay(["inspect", DEMO, "--svg", file]);
    expect(again).toMatchObject({ code: 2, stdout: "" });
    expect(again.stderr).toMatch(/^error cli\/usage: .*\n {2}at .*demo\.svg\n {2}hint: .*--force/m);
    expect(readFileSync(file, "utf8")).toBe("precious");
    const chosen = ["--quantity", "tempC", "--gpu", "0", "--force"];
    expect((await assay(["inspect", DEMO, "--svg", file, ...chosen])).code).toBe(0);
    const forced = readFileSync(file, "utf8");
    expect(forced).toContain(">tempC, C<");
    expect(forced).not.toMatch(/powerWatts|GPU 1/);
  });

  it("sums up what is left of a recording that breaks off, and says so", async () => {
    const packed = readFileSync(DEMO);
    const cut = fileOf(packed.subarray(0, packed.length / 2), "cut.ndjson.gz");
    const { code, stdout } = await assay(["inspect", cut, "--json"]);
    expect(code).toBe(0);
    const { warnings, devices } = summary.parse(JSON.parse(stdout));
    expect(warnings.map((warning) => warning.code)).toContain("truncated");
    expect(devices[0]?.samples).toBeGreaterThan(100);
  });

  it("only counts lines of truth", async () => {
    const truth = { kind: "truth", gpu: 0, from: 0, to: 1, label: "mining-like", workload: "xmr" };
    const text = `${gunzipSync(readFileSync(DEMO)).toString("utf8")}${JSON.stringify(truth)}\n`;
    const file = fileOf(gzipSync(text), "told.ndjson.gz");
    for (const form of [[], ["--json"]]) {
      const { stdout } = await assay(["inspect", file, ...form]);
      expect(stdout).toMatch(/truth"?:? 1/);
      expect(stdout).not.toMatch(/mining|xmr/);
    }
  });

  it.each([
    [
      ["--quantity", "powerWats"],
      /"powerWats" is no quantity\n {2}at --quantity\n {2}hint: any of gpuUtil/,
    ],
    [["--gpu", "7"], /the recording has no GPU 7\n {2}at --gpu\n {2}hint: it has 0, 1/],
    [["--gpu", "-1"], /"-1" is no whole number/],
    [["--width", "39"], /"39" is no whole number from 40 on/],
  ])("refuses %j", async (args, message) => {
    const svg = join(tempDir(), "none.svg");
    const { code, stdout, stderr } = await assay(["inspect", DEMO, ...args, "--svg", svg]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error cli\/usage: /);
    expect(stderr).toMatch(message);
    expect(existsSync(svg)).toBe(false);
  });

  it.each([
    ["recording/not-found", "/nonexistent/x.ndjson"],
    ["recording/no-header", new URL("../../package.json", import.meta.url).pathname],
  ])("ends with %s where there is nothing to inspect", async (code, file) => {
    const done = await assay(["inspect", file]);
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toMatch(new RegExp(`^error ${code}: `));
  });
});
