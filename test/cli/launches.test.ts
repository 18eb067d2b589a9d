import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import {
  hostOp,
  kernel,
  memcpy,
  writeKineto,
  writeNsight,
  nsightKernel,
} from "../collect/traces/traces.ts";
import { BPFTRACE, standIn, startProgram } from "../support/launch-stand-in.ts";
import { temporaryFolder } from "../support/temporary.ts";

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

async function program(...args: string[]): Promise<Ended> {
  let [stdout, stderr] = ["", ""];
  const code = await runProgram(["node", "assay", ...args], {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    env: { PATH: process.env["PATH"] },
    signal: new AbortController().signal,
    nowMs: Date.now,
  });
  return { code, stdout, stderr };
}

/** Where a configuration names another bpftrace, or none. */
function configWith(path: string): string {
  const file = join(temporaryFolder("config"), "config.yaml");
  writeFileSync(file, `collect:\n  pids: trusted\n  launches:\n    path: ${path}\n`);
  return file;
}

describe("assay launches", () => {
  it.each([
    [["--pid", "0"], "cli/usage"],
    [["--pid", "1; ls"], "cli/usage"],
    [["--pid", "-4"], "cli/usage"],
    [["--seconds", "0"], "cli/usage"],
    [["--seconds", "31"], "cli/usage"],
    [["--seconds", "2s"], "cli/usage"],
    [["--pid", "4194305"], "launches/no-process"],
  ])("refuses %j with %s", async (args, code) => {
    const ended = await program("launches", ...args);
    expect({ ...ended, stderr: "" }).toEqual({ code: 2, stdout: "", stderr: "" });
    expect(ended.stderr).toMatch(new RegExp(`^error ${code}: .+\n {2}at --`));
  });

  it("says what is missing where launches cannot be traced, as doctor does", async () => {
    const config = configWith("/no/such/bpftrace");
    const ended = await program("launches", "--config", config);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(
      /^error launches\/unavailable: \/no\/such\/bpftrace .+\n {2}hint: /,
    );
    const doctor = await program("doctor", "--json", "--config", config);
    expect(JSON.parse(doctor.stdout)).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({ name: "kernel launches (bpftrace)", status: "missing" }),
      ]),
    });
  });

  it.skipIf(BPFTRACE === undefined)("shows a table, or a recording's lines", async () => {
    const libraries = { DRIVER: standIn().driver };
    const name = "search\u001b[31m_loop";
    const { pid } = await startProgram("named", { libraries, name });
    const config = configWith(BPFTRACE ?? "");
    const watch = ["launches", "--config", config, "--pid", String(pid), "--seconds", "0.4"];
    const text = await program(...watch);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(
      new RegExp(`^process ${pid}: \\d+ launches in 0\\.4 s, \\d+ a second\n`),
    );
    expect(text.stdout).toContain("1 x 1 x 1");
    expect(text.stdout).toContain("search\\u{1b}[31m_loop");
    expect(text.stderr).toBe("watched 1 of 1 processes through 1 libraries\n");
    const json = await program(...watch, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: "launches", pid, list: [{ name }] });
  });

  it.skipIf(BPFTRACE === undefined)("says of what nothing can be seen", async () => {
    const config = configWith(BPFTRACE ?? "");
    const ended = await program(
      "launches",
      "--config",
      config,
      "--pid",
      String(process.pid),
      "--seconds",
      "0.1",
    );
    expect(ended).toMatchObject({ code: 0, stdout: "" });
    expect(ended.stderr).toMatch(/^watched 0 of 1 processes .+ of 1 nothing could be seen/);
  });
});

describe("assay import-trace", () => {
  const folder = (): string => temporaryFolder("import");

  it("makes a recording that inspect and classify read, and whose names are evidence", async () => {
    const names = ["void vllm::paged_attention_v2_kernel<half>(float*)", "_Z13ethash_searchPjm"];
    const events = Array.from({ length: 1500 }, (_, i) =>
      kernel({ name: names[i % 2] ?? "", us: i * 20_000, durUs: 15_000 }),
    );
    const out = join(folder(), "run.ndjson.gz");
    const made = await program(
      "import-trace",
      writeKineto([hostOp(1), ...events, memcpy(9)]),
      "--out",
      out,
    );
    expect(made).toMatchObject({ code: 0, stdout: "" });
    expect(made.stderr).toMatch(/^1500 kernels of pytorch-profiler became \d+ lines of /);
    const inspected = await program("inspect", out);
    expect(inspected.stdout).toContain("imported, measured by pytorch-profiler every 1 s");
    expect(inspected.stdout).not.toContain("SIMULATED");
    const classified = await program("classify", out, "--json");
    expect(classified.code).toBe(0);
    const windows = classified.stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(windows.length).toBeGreaterThanOrEqual(3);
    expect(windows[1]).toMatchObject({
      evidence: expect.arrayContaining([
        expect.objectContaining({ family: "host", feature: "kernelNames", weights: {} }),
        expect.objectContaining({
          family: "declared",
          feature: "kernelNames",
          weights: { "inference-like": 0.6 },
        }),
        expect.objectContaining({ feature: "launchVariety", value: 2 }),
      ]),
    });
    // One sign does not accuse.
    expect(windows.every((each) => JSON.stringify(each).includes('"label":"mining-like"'))).toBe(
      false,
    );
  });

  it("reads SQLite as well, and never overwrites unasked", async () => {
    const out = join(folder(), "run.ndjson");
    const trace = writeNsight(nsightKernel(0, 1e9));
    expect(await program("import-trace", trace, "--out", out)).toMatchObject({ code: 0 });
    expect(readFileSync(out, "utf8")).toContain('"source":"nsight-systems"');
    const again = await program("import-trace", trace, "--out", out);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/^error recording\/exists/);
    expect((await program("import-trace", trace, "--out", out, "--force")).code).toBe(0);
  });

  it("leaves no file where there is nothing to read", async () => {
    const out = join(folder(), "run.ndjson");
    const ended = await program("import-trace", writeKineto([hostOp(1)]), "--out", out);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/^error trace\/no-kernels: .+\n {2}at .+\n {2}hint: /);
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    ["--gpu", "x"],
    ["--gpu", "-1"],
    ["--pid", "0"],
    ["--pid", "1e3"],
  ])("refuses %s %s", async (option, value) => {
    const ended = await program("import-trace", "x.json", option, value);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(new RegExp(`^error cli/usage: .+\n {2}at ${option}`));
  });
});
