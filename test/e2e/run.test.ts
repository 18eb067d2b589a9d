import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assay, DEMO, start, tempDir } from "./support/assay.ts";
import { brokenWindows, gapsOf, windowsOf } from "./support/ledger.ts";

const ANY_PORT = ["--listen", "127.0.0.1:0"];

/** A configuration under which this machine has no GPU, whatever it has. */
function withoutGpu(): string[] {
  const file = join(tempDir(), "config.yaml");
  writeFileSync(file, "collect:\n  nvml:\n    library: /nonexistent/libnvidia-ml.so.1\n");
  return ["--config", file];
}

const hasGpu = ["/dev/nvidiactl", "/dev/dri", "/dev/kfd"].some((path) => existsSync(path));

describe("run on a machine without a GPU", () => {
  it.skipIf(hasGpu)("shows the demonstration where nothing else was asked for", async () => {
    const { code, stderr } = await assay(["run", "--speed", "max", ...ANY_PORT]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const notices = stderr.split("\n").filter((line) => line.includes("no GPU to watch"));
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain("showing a simulated recording instead");
  });

  it.each([
    ["a configuration", () => withoutGpu()],
    ["a state directory", () => [...withoutGpu(), "--state-dir", join(tempDir(), "state")]],
  ])("waits for a GPU where %s is named: it is a service", async (_name, more) => {
    // Where no state directory is named it is this machine's own: not a test's to write.
    const program = start(["run", ...ANY_PORT, ...more()], { STATE_DIRECTORY: tempDir() });
    await program.says("stderr", /^watching for a GPU to appear \(.*not found/m);
    program.kill("SIGTERM");
    const done = await program.ended;
    expect(done).toMatchObject({ code: 0, stdout: "" });
    expect(done.stderr).not.toContain("SIMULATED");
  });

  it("ends well where a GPU has no price: the last report has hours, and says what is missing", async () => {
    const prices = join(tempDir(), "prices.yaml");
    writeFileSync(prices, "currency: USD\ngpus: []\n");
    const args = ["run", "--demo", "--speed", "max", ...ANY_PORT, "--prices", prices];
    const { code, stdout, stderr } = await assay(args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain("No price list: no costs.");
    expect(stderr).toMatch(/no costs in the report: error price\/missing: No price for/);
  });

  it("shows the demonstration: slices, an alert that arrives, a report, and nothing left behind", async () => {
    const calls: unknown[] = [];
    const onCall = createServer((request, response) => {
      calls.push(request.url);
      response.end();
    });
    await once(onCall.listen(0, "127.0.0.1"), "listening");
    const address = onCall.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const config = join(tempDir(), "config.yaml");
    const hook = `{name: on-call, url: "http://127.0.0.1:${port}/x", secretEnv: HOOK_SECRET}`;
    writeFileSync(config, `alert: {webhooks: [${hook}]}\n`);
    const args = ["run", "--demo", "--speed", "max", ...ANY_PORT, "--config", config];
    const env = { HOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}` };
    const { code, stdout, stderr } = await assay(args, env);
    onCall.close();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    // What was made up wakes nobody.
    expect(calls).toEqual([]);
    expect(stderr).toContain("SIMULATED: these figures come from no real device");
    expect(stderr).not.toContain("Warning"); // nor does Node complain, of leaks for instance

    expect(stdout).toMatch(/^09:00:00 gpu0 idle +1\.00 idle/m);
    expect(stdout).toMatch(/gpu1 mining-like +\d\.\d\d container:52efc481a557/);
    const firing = stdout.search(/ALERT firing, critical: \[simulated\] Mining-like work/);
    const received = stdout.search(/^>> received by webhook: incident\.opened, critical/m);
    expect(firing).toBeGreaterThan(0);
    expect(received).toBeGreaterThan(firing);
    expect(stdout).toMatch(/^>> received by webhook: incident\.resolved/m);

    const report = stdout.slice(stdout.indexOf("*** SIMULATED"));
    expect(report).toContain("Node demo-node · 2 GPUs");
    expect(report).toMatch(/│ Total .*│ +40 min │/);
    expect(report).toMatch(/lines sum to 2400000 ms\.$/m);

    const [, stateDir = ""] = /ledger in (\S+), removed at the end/.exec(stderr) ?? [];
    expect(stateDir).not.toBe("");
    expect(existsSync(stateDir)).toBe(false);
  });

  it("keeps a state directory that was named", async () => {
    const dir = join(tempDir(), "state");
    const args = ["run", "--demo", "--speed", "max", "--state-dir", dir, ...ANY_PORT];
    const { code, stderr } = await assay(args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).not.toContain("removed at the end");
    expect(brokenWindows(windowsOf(dir))).toEqual([]);
  });
});

describe("run --recording again into the same ledger", () => {
  it("writes nothing twice, says so, and reports the same", async () => {
    const dir = tempDir();
    const args = ["run", "--recording", DEMO, "--state-dir", dir, "--speed", "max", ...ANY_PORT];
    const first = await assay(args);
    expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 0 });
    const [windows, gaps] = [windowsOf(dir), gapsOf(dir)];
    expect(windows).toHaveLength(240);
    expect(gaps.map((gap) => gap.reason)).toEqual(["the sampler was stopped"]);

    const second = await assay(args);
    expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 0 });
    expect(second.stderr).toContain("the ledger reaches to 2026-01-05T09:20:00.000Z");
    expect(first.stderr).not.toContain("the ledger reaches to"); // control: only where it does
    expect(windowsOf(dir)).toEqual(windows);
    expect(gapsOf(dir)).toEqual(gaps);
    expect(reportOf(second.stdout)).toBe(reportOf(first.stdout));
    expect(second.stdout).not.toMatch(/gpu[01]|ALERT/); // nothing new, so nothing is told
  });

  it("goes on where SIGTERM ended the first run, with every window once", async () => {
    const dir = tempDir();
    const args = ["run", "--recording", DEMO, "--state-dir", dir, ...ANY_PORT, "--speed"];
    const first = start([...args, "60"]);
    await first.says("stdout", /09:01:00 gpu1/);
    first.kill("SIGTERM");
    const stopped = await first.ended;
    expect(stopped).toMatchObject({ code: 0, signal: null });
    expect(stopped.stdout).toMatch(/^Reconciled: /m);
    const before = windowsOf(dir);
    expect(before.length).toBeGreaterThan(10);
    expect(before.length).toBeLessThan(200);

    const second = await assay([...args, "max"]);
    expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 0 });
    const after = windowsOf(dir);
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after).toHaveLength(240);
    expect(brokenWindows(after)).toEqual([]);
  });

  it("loses no window to kill -9, and a report of what is there adds up", async () => {
    const dir = tempDir();
    const args = ["run", "--recording", DEMO, "--state-dir", dir, ...ANY_PORT, "--speed"];
    const first = start([...args, "200"]);
    await first.says("stdout", /09:03:00 gpu1/);
    first.kill("SIGKILL");
    const killed = await first.ended;
    expect(killed.signal).toBe("SIGKILL");
    const before = windowsOf(dir);
    expect(brokenWindows(before)).toEqual([]);
    const told = killed.stdout.match(/^\S+ gpu\d /gm)?.length ?? 0;
    expect(told).toBeGreaterThan(0);
    expect(before.length).toBeGreaterThan(10);

    const report = await assay(["report", "--state-dir", dir, "--format", "json"]);
    expect({ code: report.code, stderr: report.stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(report.stdout)).toMatchObject({
      totals: { gpuMs: before.reduce((sum, window) => sum + window.timeMs, 0) },
    });

    const second = await assay([...args, "max"]);
    expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 0 });
    const after = windowsOf(dir);
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after).toHaveLength(240);
    expect(brokenWindows(after)).toEqual([]);
  });
});

/** The report at the end of a run's output. */
function reportOf(stdout: string): string {
  return stdout.slice(stdout.indexOf("*** SIMULATED"));
}
